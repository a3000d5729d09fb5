"""Markup, addresses and templates: what a program might act upon, and people should not have to look at.

A question is shown as text by clients that we do not know. So none has the characters that HTML, Markdown, templates
and shells are written in, although a good client would show them harmlessly. The blank of a question, `____`, is no
markup.
"""

import re
from typing import Final

_FORBIDDEN: Final = frozenset("*<>{}[]\\^`|~\uff1c\uff1e\uff5b\uff5d\u3008\u3009")
"""Full-width ones too: some clients put text into NFKC."""

_PATTERNS: Final = re.compile(
    r"""
      & (?: [a-z]{2,8} | \#x?[0-9a-f]{1,6} ) ;                   # an entity
    | (?<!\w) _{1,2} (?=[^\W_]) | (?<=[^\W_]) _{1,2} (?!_)       # emphasis, or the name of a variable
    | ^ \s* \#{1,6} \s | (?<!\w) \# \w{2,}                       # a heading, a hashtag
    | ^ -{2,} | ={2,}
    | [a-z][a-z0-9+.-]{1,12} :// | (?: javascript | data | mailto | vbscript ) \s* :
    | \b www \. \w
    | [\w.+-]+ @ [\w-]+ | (?<!\w) @ \w{2,}                       # an address, a handle
    | \b [a-z0-9-]{2,} \. (?: com | net | org | io | co | info | biz | app | dev | gg | ly | tv | xyz | ai
        | de | uk | fr | es | it | nl | ru | eu | at | ch ) \b
    | \b [a-z0-9-]+ \. (?: html? | php | exe | js ) \b
    | \$ \( | %\w*% | %[sd]\b | (?: \$ | \#) [a-z_]+ \b          # variables
    """,
    re.VERBOSE | re.IGNORECASE,
)


def has_markup(text: str) -> bool:
    """Whether something of `text` is written for programs."""
    return not _FORBIDDEN.isdisjoint(text) or _PATTERNS.search(text) is not None
