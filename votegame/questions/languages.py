"""Whether a text is in the language that was asked for, by the small words that every sentence has.

Only what is clear is refused: several small words of another language, and hardly any of the one that was asked for; in
English and German, too, a text of some length without any. Short texts and close relatives pass, and so do languages
that are not in the table, unless one of the two was asked for.
"""

from collections.abc import Set as AbstractSet
from typing import Final

from votegame.game import wording
from votegame.questions.wishes import primary

SMALL_WORDS: Final[dict[str, frozenset[str]]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": (
            "a an the of and to in is are was were be been you your yours he she they them their his her its it we our "
            "would could should will can do does did have has had what which who whom whose where when why how that "
            "this these those with without for from on at by as if than then there most more ever never about into out "
            "up no not or but so my me i one some any all whats youre id youd under over behind between after before "
            "during near against while because must might may just only other another being write describe invent "
            "finish complete give come three people new last first sentence like nothing"
        ),
        "de": (
            "der die das dem den des ein eine einen einem einer und oder aber ist sind war waren wird werden würde "
            "würdest du dein deine deinen deinem deiner er sie es wir ihr ihre ihren ich mich mir dich dir man was "
            "welche welcher welches welchen wer wen wem wo wann warum wie dass mit ohne für von vom aus bei beim nach "
            "zu zum zur auf im ins am an in um als wenn nicht kein keine keinen nur auch noch meisten hast hat haben "
            "kann könnte sollte sich würden nie niemals immer unter über hinter vor zwischen während gegen sein seine "
            "seinen seinem deines dieser diese dieses diesen jeder jede jedes erfinde nenne beschreibe schreibe "
            "vervollständige neue neuen neues drei wörtern satz leute"
        ),
        "fr": (
            "le la les un une des du de et ou est sont était étaient sera serait tu ton ta tes vous votre vos il elle "
            "ils elles nous notre nos je mon ma mes que qui quoi quel quelle quels quelles où quand pourquoi comment "
            "dans avec sans pour par sur sous en au aux ne pas plus si ce cette ces cet se son sa ses leur leurs cest "
            "quest"
        ),
        "es": (
            "el la los las un una unos unas del de y o es son era eran sería tu tus tú usted él ella ellos nosotros yo "
            "mi mis que qué quién quiénes cuál cuáles dónde cuándo porqué cómo en con sin para por sobre al no más si "
            "este esta estos estas ese esa se su sus lo le les nunca harías tienes hay"
        ),
        "it": (
            "il lo la gli le un uno una dei delle degli del della dello dell di e o è sono era erano sarebbe tu tuo "
            "tua tuoi tue lui lei loro noi io mio mia che chi cosa quale quali dove quando perché come in con senza "
            "per su sul sulla nel nella al alla non più se questo questa questi queste si suo sua ci cè"
        ),
        "pt": (
            "o a os as um uma uns umas do da dos das de e ou é são era eram seria tu teu tua você seu sua seus suas "
            "ele ela eles nós eu meu minha que quem qual quais onde quando porque como em no na nos nas com sem para "
            "por sobre ao à não mais se este esta esse essa isso nunca faria"
        ),
        "nl": (
            "de het een en of is zijn was waren wordt zou zouden je jij jouw u uw hij zij ze wij we ik mijn wat welke "
            "wie waar wanneer waarom hoe dat die dit deze met zonder voor van uit bij naar op in aan om als niet geen "
            "meer nooit er heb hebt heeft kan kunnen"
        ),
        "pl": (
            "i w na z do nie to jest są był była było co kto kogo gdzie kiedy dlaczego jak czy że się o po za przez "
            "dla od ty twój twoja twoje ja mój jaki jaka jakie który która które ale lub bez pod nad gdyby być"
        ),
        "sv": (
            "och att det som en ett är var han hon de du din ditt jag min vi ni på av med för till från om inte utan "
            "eller vad vem vilken vilket när varför hur skulle kan har hade den detta denna men så"
        ),
    }.items()
}
_RELATIVES: Final = {
    frozenset({"es", "pt"}),
    frozenset({"es", "gl"}),
    frozenset({"pt", "gl"}),
    frozenset({"es", "ca"}),
    frozenset({"sv", "da"}),
    frozenset({"sv", "nb"}),
    frozenset({"sv", "no"}),
    frozenset({"sv", "nn"}),
    frozenset({"nl", "af"}),
    frozenset({"de", "lb"}),
}
"""Share so many small words that a text in the one looks like the other."""
_WELL_KNOWN: Final = frozenset({"en", "de"})
"""We know so many of their small words that a text of some length has one, whatever other language it may be in."""
_FEWEST_WORDS: Final = 5
_CLEARLY: Final = 3
"""So many small words more than of the language asked for, and twice as many, make a text one of another."""
_CLEARLY_WITHOUT_OWN: Final = 2
"""The same, where it has none of the language asked for, although we know those."""
_SHARE: Final = 0.25
"""And at least so many of all its words."""


def language_fits(text: str, language: str) -> bool:
    """Whether `text` may be in `language`, a BCP 47 tag: False only when it clearly is in another one."""
    asked = primary(language)
    words = set(wording.words(text))
    own = SMALL_WORDS.get(asked, frozenset())
    if asked in _WELL_KNOWN and len(words) >= _FEWEST_WORDS and words.isdisjoint(own):
        return False
    others = (
        small for other, small in SMALL_WORDS.items() if other != asked and frozenset({other, asked}) not in _RELATIVES
    )
    return not any(_is_clearly(words, small, own) for small in others)


def _is_clearly(words: AbstractSet[str], small: AbstractSet[str], own: AbstractSet[str]) -> bool:
    """Whether `words` are of the language that has `small`, not of that with `own`. What both have says nothing."""
    ours, theirs = words & own, words & small
    n_own, n_other = len(ours - theirs), len(theirs - ours)
    least = _CLEARLY_WITHOUT_OWN if own and not n_own else _CLEARLY
    return n_other >= max(n_own + least, 2 * n_own, _SHARE * len(words))
