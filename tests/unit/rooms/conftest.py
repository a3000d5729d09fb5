import pytest

from tests.unit.rooms.table import Table, settle


@pytest.fixture
async def table():
    table = Table()
    await table.begin()
    yield table
    table.store.go_on()
    await table.end()


@pytest.fixture
async def room(table):
    """Ada's room, in which Bob plays too; what they were told so far is forgotten."""
    ada, bob = table.user("ada"), table.user("bob")
    made = await ada.ask(ada.create())
    ada.code = bob.code = made["room_code"]
    await bob.ask(bob.join(bob.code))
    await settle()
    table.outlet.clear()
    return ada, bob
