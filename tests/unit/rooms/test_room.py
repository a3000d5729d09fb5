import pytest

from tests.unit.rooms.table import settle

pytestmark = pytest.mark.looptime
