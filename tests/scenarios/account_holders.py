"""People with an account on the page: how they come by it, and what they are told there."""

import itertools
import re

from tests.browser import TV

NUMBERS = itertools.count()
PASSWORD = "four words are fine"


def an_address() -> str:
    return f"ben{next(NUMBERS)}@example.org"


async def begins(person, what: str = "login") -> None:
    await person.page.click("[name=account]")
    if what == "register":
        await person.page.click("[name=other]")
        await person.sees("[name=display_name]")


async def fills(person, **fields: str) -> None:
    for name, text in fields.items():
        await person.page.fill(f"[name={name}]", text)
    await person.page.click("form [name=send]")


async def registered(device, address: str, name: str = "Ben", size=TV, path: str = "/", **settings):
    ben = await device(path, size, **settings)
    await begins(ben, "register")
    await fills(ben, display_name=name, email=address, password=PASSWORD)
    await ben.page.wait_for_selector(f".hint:has-text('{address}')")
    return ben


async def is_told(person, name: str) -> str:
    """What is wrong with the field, which has the focus then."""
    await person.page.wait_for_selector(f"[name={name}][aria-invalid=true]:focus")
    assert await person.page.locator(".wrong").count() == 1
    return await person.page.inner_text(f"#{name}-wrong")


async def forgiven(person, statuses: str = "4") -> None:
    """That calls were refused, with statuses that begin like this, the browser says; there must be nothing else."""
    await person.page.context.close()
    said = re.compile(f"responded with a status of {statuses}")
    assert [text for text in person.complaints if not said.search(text)] == []
    person.complaints.clear()
