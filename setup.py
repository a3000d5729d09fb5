"""Copies `sql/` and `protocol/` into the wheel, as `votegame/_sql` and `votegame/_protocol`.

They stand at the top of the repository, where people look for them; mapping them into the package by configuration
fails in editable installs, which find them beside the package instead.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
FOLDERS = ("sql", "protocol")


class BuildWithFolders(build_py):
    """`build_py`, and the folders that the package reads."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if self.editable_mode:
            return
        for folder in FOLDERS:
            target = Path(self.build_lib) / "votegame" / f"_{folder}"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(HERE / folder, target)


setup(cmdclass={"build_py": BuildWithFolders})
