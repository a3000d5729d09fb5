"""Words that are out of place, by the tone of a room, in English and German.

A net beneath the instruction to the model and the provider's moderation, which understand what is meant; a list of
words does not. It knows the beginnings of words that hardly ever stand for anything else, and lets the doubtful pass.
Whatever stands between words is as a blank: `kill-yourself` is `kill yourself`.
What it finds is refused in every room, or in those with the tone `family`.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from votegame.game.question import Tone

_NEVER: Final = (
    "suicid", "kill yourself", "kill himself", "kill herself", "bring dich um", "töte dich",
    "self-harm", "selbstmord", "suizid", "rape", "rapist",
    "raped",
    "vergewaltig", "molest", "pedophil", "paedophil", "pädophil", "kinderporn", "child porn", "incest", "inzest",
    "holocaust",
    "auschwitz", "gas chamber", "gaskammer", "genocid", "genozid", "völkermord", "nazi", "hitler", "lynch",
    "terror attack",
    "terroranschlag", "school shooting", "amoklauf", "nigger", "nigga", "neger", "faggot", "schwuchtel", "retarded",
    "tranny",
    "kanake", "zigeuner", "how to make a bomb", "bombe bau", "beheading", "enthaupt",
)  # fmt: skip
_NOT_IN_FAMILY: Final = (
    "sex", "porn", "nude", "naked", "nackt", "orgasm", "masturb", "penis", "vagina", "boob", "tits", "titten",
    "brüste", "horny",
    "geil", "erotic", "erotik", "erotisch", "kinky", "fetish", "fetisch", "dildo", "vibrator", "condom", "kondom",
    "stripper",
    "stripclub", "strip club", "one-night stand", "one night stand", "hooker", "prostitut", "whore", "slut", "hure",
    "nutte",
    "brothel", "bordell", "fuck", "fick", "shit", "scheiss", "bitch", "bastard", "asshole", "arsch", "dick pic", "cunt",
    "fotze", "wank", "wichs", "piss", "motherf", "drunk", "besoffen", "betrunken", "hangover", "tequila", "vodka",
    "wodka",
    "whisky", "whiskey", "schnaps", "booze", "cocaine", "kokain", "heroin", "crystal meth", "weed", "marijuana",
    "cannabis", "joint",
    "kiffen", "bekifft", "stoned", "drugs", "drogen", "drug dealer", "murder", "mörder", "ermord", "corpse",
    "leiche", "torture",
    "folter", "massacre", "massaker", "serial killer", "serienkiller", "tinder", "affair with", "make out with",
    "rumgemacht",
)  # fmt: skip
_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")


def _pattern(beginnings: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(_BETWEEN_WORDS.sub(' ', words) for words in beginnings)})")


_NEVER_PATTERN: Final = _pattern(_NEVER)
_FAMILY_PATTERN: Final = _pattern(_NOT_IN_FAMILY)
_LOOK_ALIKES: Final = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "$": "s", "@": "a"})


def is_unsafe(text: str, tone: Tone) -> bool:
    """Whether `text` has a word that is out of place in a room with `tone`."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    forms = {_BETWEEN_WORDS.sub(" ", form) for form in (plain, plain.translate(_LOOK_ALIKES))}
    patterns = [_NEVER_PATTERN, *([_FAMILY_PATTERN] if tone == "family" else [])]
    return any(pattern.search(form) for pattern in patterns for form in forms)
