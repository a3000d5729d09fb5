"""Arguments that make no sense are refused in words, before anything is done."""

import argparse

import pytest

from votegame.conformance.command import add_arguments


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "99999"], "a port is a number up to 65535, not 99999"),
        (["--port", "-1"], "--port"),
        (["--patience", "nan"], "a factor is a number over 0, not nan"),
        (["--patience", "-1"], "--patience"),
        (["--pace", "0"], "a factor is a number over 0, not 0"),
        (["--pace", "fast"], "a factor is a number over 0, not fast"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(arguments, words, capsys):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_a_factor_and_a_port_are_numbers():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(["--patience", "2.5", "--port", "0"])
    assert (args.patience, args.port) == (2.5, 0)
