"""What the command line asks of its surroundings, before it does anything."""

import pytest

from votegame.cli import main


@pytest.fixture
def senseless(tmp_path, monkeypatch):
    """Settings by which no server could be started, in the environment and in the working folder."""
    (tmp_path / ".env").write_bytes(b"NO_SUCH_VARIABLE=1\nthis is no assignment\n\xff\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "far too many")
    monkeypatch.setenv("DATABASE_URL", "nonsense")


@pytest.mark.usefixtures("senseless")
def test_the_kit_needs_no_settings_of_a_server(capsys):
    assert main(["conformance", "--list"]) == 0
    assert "whole_game" in capsys.readouterr().out


@pytest.mark.usefixtures("senseless")
@pytest.mark.parametrize("command", ["serve", "migrate", "nodes", "check"])
def test_what_works_on_a_server_refuses_settings_that_make_no_sense(command, capsys):
    assert main([command]) == 2
    assert "PORT" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (["ABC23"], "CODE"),
        (["ABC 234"], "CODE"),
        (["ABC234", "--url", "localhost:8000"], "--url"),
        (["ABC234", "--url", "http://"], "--url"),
        (["ABC234", "--url", "http://[::1"], "--url"),
        (["ABC234", "--pace", "nan"], "--pace"),
        (["ABC234", "--pace", "-1"], "--pace"),
        (["ABC234", "--pace", "fast"], "--pace"),
        (["ABC234", "--count", "51"], "--count"),
        (["ABC234", "--count", "x"], "--count"),
    ],
)
def test_bots_that_could_never_play_are_refused_at_once_in_one_line(wrong, name, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bots", *wrong])
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"error: argument {name}: " in said
    assert "invalid" not in said, "what argparse says of its own names a function"
