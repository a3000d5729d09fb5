"""The folder of a run's report: what it is told in, and that nothing in it is of an earlier run."""

from pathlib import Path
from typing import Final

PAGE: Final = "page.html"
SERIES: Final = "series.csv"
VERDICT: Final = "verdict.json"


def clear(folder: Path, *others: Path) -> None:
    """Take away the report of an earlier run, and `others`: a run without a verdict must not seem to have one."""
    for path in (folder / PAGE, folder / SERIES, folder / VERDICT, *others):
        path.unlink(missing_ok=True)
