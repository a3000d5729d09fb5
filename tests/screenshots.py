"""Plays a game on a server of its own, and takes a picture of each screen: `python -m tests.screenshots FOLDER`.

A picture has two phones and a TV side by side, once in light and once in dark. Names, questions and answers are always
the same; the code of the room and the order in the vote are not.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.browser import CHROMIUM, TV, Device, Open, chromium, devices
from tests.serving import ServerProcess

HOST = "party.local:8000"
"""Where the pictures say that the game is."""
PHONE = {"width": 360, "height": 720}
HEIGHT_PX = 600
GAP_PX = 24
COLOURS = 48
QUESTIONS = [
    "What should never be left in the fridge of an office?",
    "Name a museum that nobody visits twice.",
]
GUESTS = ("Ben", "Cleo", "Dora", "Emil", "Fatima")
ANSWERS = [
    {
        "Ada": "The new intern",
        "Ben": "My lunch. It was MY lunch.",
        "Cleo": "A lobster named Kevin",
        "Dora": "Last year's resolutions",
        "Emil": "Two left shoes",
        "Fatima": "A cake with somebody else's name on it",
    },
    {
        "Ada": "The Museum of Wet Socks",
        "Ben": "The National Gallery of Passport Photos",
        "Cleo": "The House of Lids That Fit Nothing",
        "Dora": "The Museum of Museum Shops",
        "Emil": "The Hall of Beige",
        "Fatima": "The Dentist's Childhood Home",
    },
]
VOTES = [
    {"Ada": "Cleo", "Ben": "Cleo", "Cleo": "Ben", "Dora": "Cleo", "Emil": "Fatima"},
    {"Ada": "Dora", "Ben": "Cleo", "Cleo": "Ben", "Dora": "Cleo", "Emil": "Ben"},
]
SETTINGS = f"""import("/static/play/app.js").then(({{ app }}) => app.room.updateSettings(
  {{ total_rounds: 2, questions: {QUESTIONS!r} }}))"""


class Gallery:
    """Pictures of a table: the phones of Ada, who is the host, and of Ben, and a TV."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def take(self, name: str, *shown: Device) -> None:
        for each in shown:
            await each.page.mouse.move(0, 0)
            await each.page.evaluate("scrollTo(0, 0)")
        for scheme in ("light", "dark"):
            pictures = []
            with tempfile.TemporaryDirectory() as folder:
                for number, each in enumerate(shown):
                    await each.page.emulate_media(color_scheme=scheme)
                    path = Path(folder) / f"{number}.png"
                    await each.page.screenshot(path=path)
                    pictures.append(Image.open(path).convert("RGBA"))
            side_by_side(pictures).save(self._folder / f"{name}-{scheme}.png", optimize=True)


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """The pictures in a row, with nothing between them, in few colours."""
    width = sum(each.width for each in pictures) + GAP_PX * (len(pictures) - 1)
    row = Image.new("RGBA", (width, HEIGHT_PX))
    x = 0
    for each in pictures:
        row.paste(each, (x, 0))
        x += each.width + GAP_PX
    return row.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


async def phone(device: Open, path: str, name: str) -> Device:
    """A phone on whose page a name is typed."""
    opened = await device(path, PHONE, device_scale_factor=HEIGHT_PX / PHONE["height"])
    await opened.page.fill("[name=name]", name)
    return opened


async def seated(device: Open, path: str, name: str) -> Device:
    opened = await phone(device, path, name)
    await opened.page.click("[name=join]")
    await opened.sees(".people")
    return opened


async def play(device: Open, gallery: Gallery) -> None:
    home = await phone(device, "/", "Ada")
    ada = await phone(device, "/", "Ada")
    await ada.page.click("[name=make]")
    await ada.sees(".qr")
    code = ada.page.url.rpartition("/")[2]
    phones = {"Ada": ada} | {name: await seated(device, f"/{code}", name) for name in GUESTS}
    ben = phones["Ben"]
    tv = await device(f"/{code}/screen", TV, device_scale_factor=HEIGHT_PX / TV["height"])
    await tv.page.wait_for_selector("text=6 players")
    await ada.page.evaluate(SETTINGS)
    await ben.page.wait_for_selector("text=/^2 rounds /")
    await gallery.take("lobby", home, ben, tv)

    await ada.page.click("[name='host.start']")
    for number, (answers, votes) in enumerate(zip(ANSWERS, VOTES, strict=True), 1):
        await ben.page.wait_for_selector(f"text=Round {number} of 2")
        await ben.page.fill("[name=answer]", answers["Ben"])
        for name in ("Ada", "Cleo", "Dora", "Emil"):
            await phones[name].answers(answers[name])
            await phones[name].sees(".stamp")
        await ada.page.wait_for_selector("text=4 of 6 have answered")
        if number == 1:
            await gallery.take("answering", ben, ada, tv)
        for name in ("Ben", "Fatima"):
            await phones[name].answers(answers[name])
        await ben.sees(".choice")
        for name in ("Cleo", "Dora", "Emil"):
            await phones[name].votes_for(answers[votes[name]])
        await ada.votes_for(answers[votes["Ada"]])
        await ada.sees(".chosen")
        await ben.page.locator(".choice", has_text=answers[votes["Ben"]]).click()
        if number == 1:
            await gallery.take("voting", ben, ada, tv)
        await ben.page.click("form [name=send]")
        await ben.sees(".chosen")
        await ada.page.click("[name='host.reveal']")
        if number == 1:
            await ada.sees("[name='host.next']:enabled")
            await tv.sees(".result")
            await gallery.take("results", ben, ada, tv)
            await ada.page.click("[name='host.next']")
    for each in (ada, ben, tv):
        await each.sees(".podium")
    await ada.sees("[name='host.again']:enabled")
    await ada.page.click("[name=more]")
    await gallery.take("podium", ben, ada, tv)


async def main(folder: Path) -> None:
    server = ServerProcess(PUBLIC_URL=f"http://{HOST}")
    await server.start()
    try:
        async with (
            chromium(
                f"--host-resolver-rules=MAP {HOST} 127.0.0.1:{server.port}",
                f"--unsafely-treat-insecure-origin-as-secure=http://{HOST}",
            ) as browser,
            devices(browser, f"http://{HOST}") as device,
        ):
            await play(device, Gallery(folder))
    finally:
        await server.close()


if __name__ == "__main__":
    if CHROMIUM is None:
        sys.exit("There is no chromium on the PATH: on Debian, install the package chromium.")
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(Path(sys.argv[1])))
