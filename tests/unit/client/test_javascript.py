"""The tests of the client in JavaScript that need no server. They are written in JavaScript, in `tests/js`."""

import pytest

from tests.javascript import JS, run_node

FILES = sorted(JS.glob("*.test.mjs"))


@pytest.mark.parametrize("path", FILES, ids=[path.name.partition(".")[0] for path in FILES])
async def test_the_client_in_javascript(path):
    await run_node(path)
