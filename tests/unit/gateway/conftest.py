import pytest

from tests.unit.gateway.stage import Stage
from votegame.gateway.ports import GatewaySettings


@pytest.fixture
async def stage():
    return Stage()


@pytest.fixture
async def unlimited():
    """A stage with `RATE_LIMITS` off."""
    return Stage(GatewaySettings(rates_are_on=False))
