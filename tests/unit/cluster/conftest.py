import pytest

from tests.unit.rooms.table import Table


@pytest.fixture
async def table():
    table = Table()
    yield table
    table.store.go_on()
    await table.end()
