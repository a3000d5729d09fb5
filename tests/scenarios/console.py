"""A conversation as README shows it: read from there, played against a server, and compared with what comes.

What README shows is true when each line that is received has the fields that are shown, in that order, with those
values. A text with `…` in it, and a room code, stand for one value throughout, which a sent line gets in their place;
times are as long as they are shown; `…` at the end of an object stands for fields that are left out.
"""

import json
import re
from collections.abc import Iterator

TIMES = {"server_time", "deadline"}


class Names:
    """What the shortened texts stand for, learnt from what comes."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def learn(self, shown: str, got: str) -> None:
        assert self._values.setdefault(shown, got) == got, f"{shown} is {self._values[shown]} elsewhere, here {got}"

    def put_into(self, text: str) -> str:
        """`text`, with the values in place of the names."""
        for shown, got in self._values.items():
            text = text.replace(shown, got)
        return text


def conversation(readme: str) -> Iterator[tuple[str, str]]:
    """The steps: a mark, `$`, `#`, `<` or `>`, and what follows it; lines that are set in belong to the one before."""
    (block,) = re.findall(r"<!-- conversation -->\n```console\n(.*?)```", readme, re.DOTALL)
    for step in re.split(r"\n+(?=\S)", block.strip()):
        mark, _, text = step.partition(" ")
        if mark in {"$", "#", "<", ">"}:
            yield mark, text


def shown_frame(text: str) -> dict:
    """A received line of README; `…` at the end of an object becomes a field of that name."""
    return json.loads(re.sub(r",…}", r',"…":null}', text))


def agree(shown: object, got: object, names: Names, field: str = "") -> None:
    """Raises AssertionError where `got` is not as README shows it."""
    assert type(shown) is type(got), f"{field}: {shown!r} is shown, {got!r} came"
    if isinstance(shown, dict):
        _agree_on_fields(shown, got, names, field)
    elif isinstance(shown, list):
        assert len(shown) == len(got), f"{field}: {got!r} came"
        for each, other in zip(_in_one_order(shown), _in_one_order(got), strict=True):
            agree(each, other, names, field)
    elif isinstance(shown, str) and ("…" in shown or field == "room_code"):
        names.learn(shown, got)
    elif field in TIMES:
        assert len(str(shown)) == len(str(got)), f"{field}: {got!r} came"
    else:
        assert shown == got, f"{field}: {shown!r} is shown, {got!r} came"


def _agree_on_fields(shown: dict, got: dict, names: Names, field: str) -> None:
    fields = [name for name in shown if name != "…"]
    came = [name for name in got if name in shown or "…" not in shown]
    assert came == fields, f"{field}: {fields} are shown, {list(got)} came"
    for name in fields:
        agree(shown[name], got[name], names, name)


def _in_one_order(items: list) -> list:
    """Answers come in an order of chance; boards do not."""
    return sorted(items, key=lambda item: item.get("content", ""))
