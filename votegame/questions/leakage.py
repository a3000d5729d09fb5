"""Instructions where a question should be: parts of a prompt, or words that were written for a model.

What a host writes as the topic is data, and what comes of it is screened like everything else: whoever brings the model
to pass on his text must still get it past this.
"""

import re
from typing import Final

_PATTERNS: Final = re.compile(
    r"""
      \b (?: ignore | disregard | forget | override | bypass ) \b .{0,30} \b (?: previous | prior | above | earlier
        | all | any | these | those | the | your ) \b .{0,20}
        \b (?: instruction | prompt | direction | system | guideline )
    | \b (?: system | developer | hidden | initial | original ) \s+ (?: prompt | message | instruction )
    | \b prompt \s* injection | \b jailbreak | \b do \s anything \s now \b | \b developer \s+ mode \b
    | ^ \s* (?: system | assistant | user | human | ai | developer | tool | function | output | input | response
        | answer | topic | language | tone | json | questions? ) \s* :
    | \b (?: output | return | respond | reply | answer | print | repeat ) \b .{0,25}
        \b (?: json | verbatim | prompt | above )
    | \b (?: you \s are | act \s as | pretend \s to \s be ) \s+ (?: now \s+ )?
        (?: chatgpt | an? \s+ (?: ai | assistant | language \s model | llm ) ) \b
    | \b new \s+ instructions? \b | \b end \s+ of \s+ (?: prompt | instructions? | topic )
    | \b (?: topic | language | tone ) \s* (?: = | is \s* : )
    | \b (?: api | secret | access ) [\s_-]* (?: key | token ) \b | \b sk-[a-z0-9]{6}
    | \b begin \s+ (?: system | prompt )
    | \b (?: ignorier | vergiss | missacht ) \w* \b .{0,30}
        \b (?: anweisung | vorgab | regel | anleitung | instruktion )
    | \b system \s* - \s* prompt | \b systemprompt | \b systemnachricht | \b systemanweisung
    | \b ignor (?: e[zr]? | a | i )? \b .{0,30} \b (?: instructions | instrucciones | istruzioni | instru[cç][oõ]es )
    | \b (?: im_start | im_end | endoftext | eot_id | inst )\b
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_leaked(text: str) -> bool:
    """Whether something of `text` is meant for a model, or comes from what one was told."""
    return _PATTERNS.search(text) is not None
