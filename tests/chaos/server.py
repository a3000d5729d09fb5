"""`faulty_server.py` with a wall clock that the test moves; see `wall_clock.py`."""

import os
import runpy
from pathlib import Path

from tests.chaos import wall_clock

wall_clock.follow(os.environ["WALL_CLOCK"])
runpy.run_path(str(Path(__file__).parents[1] / "kill" / "faulty_server.py"), run_name="__main__")
