"""`python -m votegame.spec [FOLDER]` writes what is generated into FOLDER, by default `protocol` beside the package."""

import sys
from pathlib import Path

from votegame.files import protocol_directory
from votegame.spec.output import write

if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else protocol_directory())
