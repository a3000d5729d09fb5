"""Hides, in all that is told of a run, what would let its readers log in: tokens, passwords and cookies.

What is known to be secret, since it was sent or came under such a name, is hidden wherever it stands, also where it
was cut. And what stands where secrets stand is hidden, though nobody knows it: a server may send another
token than it has given, in another way than the protocol says.
"""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, quote_plus

from msgspec.structs import replace

from votegame.conformance.findings import Finding, Result

HIDDEN: Final = "[hidden]"
_LEAST: Final = 8
"""Characters of what is hidden wherever it stands: shorter ones stand in other words, too."""
_NAME: Final = r"(?:[\w-]*(?:token|password|secret)|authorization|(?:set-)?cookie)"
_SECRET_NAME: Final = re.compile(_NAME, re.IGNORECASE)
_PLACES: Final = (
    # A field of an object: of JSON, of JSON in a text, or as Python shows it.
    re.compile(rf"""(?is)(?P<kept>(?P<n>\\*["']){_NAME}(?P=n)\s*:\s*(?P<v>\\*["'])).*?(?P<end>(?<!\\)(?P=v)|$)"""),
    # What came of such a field, as differences tell it.
    re.compile(rf"""(?is)(?P<kept>\b{_NAME}: expected .*?came )'.*(?P<end>)$"""),
    # A header, and what is behind its scheme.
    re.compile(r"(?i)(?P<kept>\bbearer\s+)[\w\-.~+/]{8,}=*(?P<end>)"),
    # A query, and the user of a URL.
    re.compile(r"(?i)(?P<kept>[?&][\w-]*(?:token|password|secret)=)[^&\s\"'#]+(?P<end>)"),
    re.compile(r"(?P<kept>://)[^/\s@\"']+(?P<end>@)"),
    # A JSON Web Token, wherever it is.
    re.compile(r"(?P<kept>)\beyJ[\w-]{5,}\.[\w-]*(?:\.[\w-]*)?(?P<end>)"),
)


class Redaction:
    """What one run knows to be secret."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def add(self, *secrets: str) -> None:
        """These are secret."""
        for secret in secrets:
            if len(secret) >= _LEAST:
                self._known.update(_written(secret))

    def learn(self, value: Any) -> None:
        """Whatever has the name of a secret in this JSON is one."""
        if isinstance(value, dict):
            for name, inner in value.items():
                if isinstance(inner, str) and _SECRET_NAME.fullmatch(name):
                    self.add(inner.removeprefix("Bearer "))
                self.learn(inner)
        elif isinstance(value, list):
            for inner in value:
                self.learn(inner)

    def text(self, text: str) -> str:
        """The text without its secrets."""
        for secret in self._known:
            text = _without(text, secret)
        for place in _PLACES:
            text = place.sub(rf"\g<kept>{HIDDEN}\g<end>", text)
        return text

    def result(self, result: Result) -> Result:
        """The result without its secrets."""
        findings = tuple(map(self.finding, result.findings))
        return replace(result, reason=self.text(result.reason), findings=findings)

    def finding(self, finding: Finding) -> Finding:
        """The finding without its secrets."""
        differences = [self.text(each) for each in finding.differences]
        return replace(
            finding, expected=self.text(finding.expected), came=self.text(finding.came), differences=differences
        )


def _without(text: str, secret: str) -> str:
    """The text without the secret, and without so much of its beginning as is left of it where it was cut."""
    first, *others = text.split(secret[:_LEAST])
    return HIDDEN.join([first, *(_behind(other, secret[_LEAST:]) for other in others)])


def _behind(text: str, rest: str) -> str:
    """What of a text is behind as much of `rest` as it begins with."""
    pairs = zip(text, rest, strict=False)
    return text[sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)) :]


def _written(secret: str) -> Iterator[str]:
    """How a secret may be written: as it is, in JSON, in JSON in JSON, and in a URL."""
    in_json = json.dumps(secret)[1:-1]
    yield from (secret, in_json, json.dumps(in_json)[1:-1], quote(secret, safe=""), quote_plus(secret))
