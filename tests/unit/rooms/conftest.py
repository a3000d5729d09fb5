import pytest

from tests.unit.rooms.table import Table, seated


@pytest.fixture
async def table():
    """A table at which nothing has begun: virtual time begins with the test itself."""
    table = Table()
    yield table
    table.store.go_on()
    await table.end()


@pytest.fixture
async def room(table):
    """To be awaited: Ada and Bob in Ada's room; what they were told so far is forgotten."""
    seating = seated(table)
    yield seating
    seating.close()
