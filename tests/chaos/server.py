"""`faulty_server.py` with a wall clock that the test moves, see `wall_clock.py`, and a loop that SIGUSR2 holds up."""

import os
import runpy
import signal
import time
from pathlib import Path

from tests.chaos import wall_clock


def hold_up(_signal: int, _frame: object) -> None:
    """A call that blocks for the seconds in the file that HELD_UP names."""
    time.sleep(float(Path(os.environ["HELD_UP"]).read_text()))


signal.signal(signal.SIGUSR2, hold_up)
wall_clock.follow(os.environ["WALL_CLOCK"])
runpy.run_path(str(Path(__file__).parents[1] / "kill" / "faulty_server.py"), run_name="__main__")
