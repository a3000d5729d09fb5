import pytest

from votegame.errors import ConfigurationError
from votegame.files import protocol_directory, sql_directory

HOLDS = {sql_directory: ("queries", "migrations"), protocol_directory: ("examples",)}
NAMES = {sql_directory: "sql", protocol_directory: "protocol"}


@pytest.mark.parametrize("directory", HOLDS)
@pytest.mark.parametrize("place", ["{}", "votegame/_{}"])
def test_the_files_are_beside_the_package_or_in_it(tmp_path, directory, place):
    folder = tmp_path / place.format(NAMES[directory])
    for name in HOLDS[directory]:
        (folder / name).mkdir(parents=True)
    assert directory(tmp_path / "votegame") == folder


@pytest.mark.parametrize("directory", HOLDS)
def test_without_the_files_the_start_fails_clearly(tmp_path, directory):
    with pytest.raises(ConfigurationError, match="Files of votegame are missing"):
        directory(tmp_path / "votegame")


@pytest.mark.parametrize("directory", HOLDS)
def test_this_installation_has_them(directory):
    assert directory().is_dir()
