"""The process as a whole, when a part dies that it cannot do without."""

import re

import pytest

from tests.serving import ServerProcess

JOURNAL_DIES = """
async def run(self):
    raise RuntimeError("planted")

Journal.run = run
"""
POSTGRES_DOES_NOT_COME_BACK = """
async def supervise(self, on_exit):
    raise ConfigurationError("planted")

EmbeddedPostgres.supervise = supervise
"""
PROGRAM = """
import sys
from votegame import cli
from votegame.embedded.postgres import EmbeddedPostgres
from votegame.errors import ConfigurationError
from votegame.rooms.journal import Journal
{fault}
sys.exit(cli.main(["serve"]))
"""


@pytest.mark.parametrize(
    ("fault", "task"),
    [(JOURNAL_DIES, "journal"), (POSTGRES_DOES_NOT_COME_BACK, "postgres")],
    ids=["journal", "postgres"],
)
async def test_without_a_vital_task_the_process_ends_in_order_and_says_why(fault, task):
    process = ServerProcess("-c", PROGRAM.format(fault=fault))
    try:
        await process.launch()
        assert await process.wait() == 1
        said = process.said()
        assert "planted" in said
        assert re.search(rf"the process ends .*task={task}$", said, re.MULTILINE)
        assert "stopped" in said
        assert process.postgres_pid_or_none() is None
    finally:
        await process.close()
