import fcntl
import io
import json
import logging
import os
import sys

import pytest
import structlog

from votegame import log
from votegame.web.markdown import rendered


@pytest.fixture
def stderr(monkeypatch):
    """What is written to standard error; puts the log back as it was."""
    root = logging.getLogger()
    handlers, level, logging_before = root.handlers[:], root.level, structlog.get_config()
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**logging_before)


@pytest.fixture
def records(stderr):
    """The records of everything logged so far, from JSON lines."""
    log.configure(level="info", as_json=True, node="kitchen\n{}")

    def read() -> list[dict]:
        return [json.loads(line) for line in stderr.getvalue().splitlines()]

    return read


@pytest.fixture
def said(stderr):
    """What people read in a terminal."""
    log.configure(level="info", as_json=False, node="here")
    return stderr.getvalue


def fail(message: str):
    raise ValueError(message)


def logger():
    return structlog.get_logger("votegame.test")


def test_a_record_is_one_line_of_json(records):
    logger().info("serving", port=8000, is_open=True, share=0.5, nothing=None)
    (record,) = records()
    assert record["event"] == "serving"
    assert (record["port"], record["is_open"], record["share"], record["nothing"]) == (8000, True, 0.5, None)
    assert (record["level"], record["logger"]) == ("info", "votegame.test")
    assert record["timestamp"].endswith("Z")


def test_the_standard_library_goes_the_same_way(records):
    logging.getLogger("some.library").warning("%s is odd", "this\nthing")
    (record,) = records()
    assert (record["event"], record["level"], record["logger"]) == ("this\\x0athing is odd", "warning", "some.library")


def test_every_record_names_its_node_those_of_libraries_too(records):
    logger().info("serving", node="cellar")
    logging.getLogger("some.library").warning("odd")
    assert [record["node"] for record in records()] == ["kitchen\\x0a{}"] * 2


def test_below_the_level_nothing_is_said(records):
    logger().debug("quiet")
    logging.getLogger("some.library").debug("quiet")
    assert records() == []


@pytest.mark.parametrize(
    ("value", "logged"),
    [
        ("a\nb\r\x1b[31m", "a\\x0ab\\x0d\\x1b[31m"),
        ("\x7f\x85\u2028", "\\x7f\\x85\\u2028"),
        ("\ud800", "\\ud800"),
        ("ä🎉", "ä🎉"),
        (2**53, str(2**53)),
        (-5, -5),
        (b"\xff\n", "b'\\xff\\n'"),
        (["a\n"], "['a\\n']"),
        (float("nan"), None),
    ],
)
def test_no_value_breaks_a_line_or_the_log(records, value, logged):
    logger().info("came", value=value)
    (record,) = records()
    assert record["value"] == logged


class Shy:
    """Something that cannot be shown, as objects half made or half gone cannot."""

    def __str__(self):
        raise ZeroDivisionError

    __repr__ = __str__


@pytest.mark.parametrize("value", [Shy(), [Shy()], {"a": Shy()}])
def test_what_cannot_be_shown_does_not_harm_who_logs_it(records, value):
    logger().info("came", value=value)
    (record,) = records()
    assert (record["event"], record["value"]) == ("came", f"<{type(value).__name__} that cannot be shown>")


def test_what_aiohttp_quotes_of_cookies_is_not_logged(records):
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger("aiohttp.internal").debug("Cannot load cookie. Illegal cookie names: %r", ["canary"])
    logging.getLogger("some.library").debug("loud")
    assert [record["event"] for record in records()] == ["loud"]


def test_the_steps_of_rendering_documents_are_not_logged(records):
    logging.getLogger().setLevel(logging.DEBUG)
    rendered("# Tea\n\nor coffee", lambda link: link)
    assert records() == []


@pytest.mark.parametrize("value", ["x" * 201, ["x" * 500], {"x": "y" * 500}, b"x" * 500])
def test_long_values_are_cut(records, value):
    logger().info("came", value=value)
    (record,) = records()
    assert len(record["value"]) == 201
    assert record["value"].endswith("…")


def test_a_long_event_is_cut(records):
    logging.getLogger("some.library").error("x" * 1000)
    assert len(records()[0]["event"]) == 201


@pytest.mark.parametrize("name", ["password", "token", "secret", "cookie", "authorization", "email", "database_url"])
def test_a_secret_is_never_logged(records, name):
    logger().info("came", **{name: "canary"})
    (record,) = records()
    assert record[name] == "[secret]"


def test_a_traceback_stays_whole_within_reason(records):
    try:
        fail("\x1b[31m" + "x" * 20_000)
    except ValueError:
        logger().exception("failed")
    (record,) = records()
    assert record["exception"].startswith("Traceback")
    assert "\n" in record["exception"]
    assert "\x1b" not in record["exception"]
    assert len(record["exception"]) < 17_000


def test_for_people_it_is_plain_and_still_harmless(said):
    logger().info("came", value="a\nb\x1b[31m")
    try:
        fail("odd")
    except ValueError:
        logger().exception("failed")
    assert "a\\x0ab\\x1b[31m" in said().splitlines()[0]
    assert "ValueError: odd" in said()


@pytest.fixture
def pipe(stderr, monkeypatch):
    """What has been written to standard error since the last time, where nobody reads it otherwise."""
    source, target = os.pipe()
    fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, 16_384)
    os.set_blocking(source, False)
    with os.fdopen(target, "w", buffering=1) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        log.configure(level="info", as_json=True)
        yield lambda: os.read(source, 1_000_000).decode()
    os.close(source)


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="Linux makes small pipes")
def test_what_nobody_reads_is_lost_and_nobody_waits_for_it(pipe):
    for number in range(200):
        logger().info("played", number=number, text="x" * 200)
    written = [json.loads(line)["number"] for line in pipe().splitlines()]
    assert written == list(range(len(written)))
    assert 20 < len(written) < 200
    logger().info("read again")
    lost, record = map(json.loads, pipe().splitlines())
    assert (lost["event"], lost["lines"]) == ("lines of the log are lost, nobody read them", 200 - len(written))
    assert record["event"] == "read again"
    logger().info("and again")
    assert json.loads(pipe())["event"] == "and again"


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="Linux makes small pipes")
def test_a_traceback_that_nobody_reads_is_torn_and_spoils_no_other_line(pipe):
    logger().error("broken", stack="x" * 16_384)
    logger().error("broken", stack="x" * 16_384)
    torn = pipe()
    logger().info("read again")
    torn_end, lost, record = pipe().splitlines()
    assert "\n" not in torn + torn_end
    assert json.loads(lost)["lines"] == 2
    assert json.loads(record)["event"] == "read again"


def test_what_lasts_is_said_at_once_and_then_after_a_while():
    seldom = log.Seldom()
    assert [now for now in range(200) if seldom.is_due(float(now))] == [0, 60, 120, 180]
    assert not seldom.is_due(189.9, 10.0)
    assert seldom.is_due(190.0, 10.0)
