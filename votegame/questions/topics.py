"""The topics of the bank, and the words by which a host's topic is recognised as one of them.

A host writes a topic in free text. It is about one of ours when one of its words is in the table of the room's
language, or in the English one, which people use everywhere: "street food" and "Essen und Trinken" are both `food`.
Words only, no stems: a topic that is not recognised costs nothing but a question about something else.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from votegame.game import wording

TOPICS: Final = (
    "food",
    "animals",
    "work",
    "school",
    "travel",
    "home",
    "technology",
    "history",
    "love",
    "sport",
    "music",
    "film",
    "money",
    "nature",
    "fantasy",
    "everyday",
)

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "food": """food foods eating cooking cook kitchen baking cake cakes drinks drinking meals snacks recipes
            restaurant restaurants breakfast lunch dinner vegetables fruit pizza cheese coffee""",
        "animals": "animal animals pet pets dog dogs cat cats horse horses zoo farm wildlife birds fish insects",
        "work": "work working job jobs office career careers boss bosses colleagues business meetings profession",
        "school": """school schools teacher teachers class classroom learning lessons homework exams education
            university college students kindergarten""",
        "travel": """travel travels traveling travelling trip trips holiday holidays vacation vacations journey
            journeys tourism tourists hotels flying camping""",
        "home": """home homes house houses living household housework furniture neighbours neighbors
            neighbourhood neighborhood garden""",
        "technology": """technology tech technical computer computers internet robot robots gadget gadgets phone
            phones app apps software machines inventions science future""",
        "history": "history historical past ancient medieval knights kings queens castles vikings museum",
        "love": """love dating date dates romance romantic relationship relationships marriage wedding weddings
            couples flirting valentine valentines""",
        "sport": "sport sports football soccer tennis fitness gym athletes training running olympics",
        "music": "music musical songs song singing band bands concert concerts instruments dance dancing disco",
        "film": "film films movie movies cinema tv television series actors actresses theatre theater drama",
        "money": "money cash rich riches wealth shopping shops shop saving bank banks finance prices luxury",
        "nature": "nature weather forest forests sea ocean oceans beach mountains plants flowers trees outdoors",
        "fantasy": """fantasy magic magical dragons wizards witches fairy fairies fairytale fairytales ghosts monsters
            superheroes superpowers pirates space aliens""",
        "everyday": "everyday daily life routine routines habits mornings excuses manners",
    },
    "de": {
        "food": """essen kochen backen küche trinken getränke speisen mahlzeiten rezepte lebensmittel restaurant
            restaurants frühstück mittagessen abendessen gemüse obst kuchen käse kaffee""",
        "animals": """tier tiere haustier haustiere hund hunde katze katzen pferd pferde vögel fische zoo bauernhof
            insekten""",
        "work": "arbeit arbeiten arbeitsplatz beruf berufe job büro chef chefs kollegen karriere firma feierabend",
        "school": """schule schulen lehrer lehrerin unterricht klasse klassenzimmer lernen hausaufgaben prüfungen
            bildung universität uni studium kindergarten""",
        "travel": "reise reisen reisend urlaub ferien ausflug ausflüge hotel fliegen camping bahn tourismus",
        "home": """zuhause haus wohnen wohnung haushalt möbel zimmer nachbarn nachbarschaft garten putzen
            heimwerken wg""",
        "technology": """technik technologie computer handy handys internet roboter geräte maschinen erfindungen
            wissenschaft zukunft digital digitales""",
        "history": "geschichte historisch historisches vergangenheit mittelalter antike ritter könige burgen wikinger",
        "love": """liebe dating date flirten romantik romantisch beziehung beziehungen ehe hochzeit hochzeiten paare
            partnerschaft""",
        "sport": "sport sportarten fußball turnen tennis fitness verein training laufen olympia",
        "music": "musik lied lieder singen band bands konzert konzerte instrumente tanz tanzen schlager",
        "film": "film filme kino fernsehen serie serien schauspieler theater krimi krimis",
        "money": "geld reich reichtum einkaufen shoppen sparen bank banken finanzen preise luxus laden läden",
        "nature": "natur wetter wald wälder meer strand berge pflanzen blumen bäume draußen jahreszeiten wandern",
        "fantasy": """fantasie fantastisch magie zauberei zauberer hexen drachen märchen feen geister gespenster monster
            superhelden superkräfte piraten weltraum weltall außerirdische""",
        "everyday": "alltag alltägliches leben gewohnheiten routine morgens ausreden benehmen",
    },
}


def _table(*languages: str) -> Mapping[str, str]:
    return {
        word: topic
        for language in languages
        for topic, synonyms in _WORDS[language].items()
        for word in wording.words(synonyms)
    }


_TOPIC_BY_WORD: Final = {language: _table("en", language) for language in _WORDS}


@lru_cache(maxsize=1024)
def named(text: str, language: str) -> tuple[str, ...]:
    """The topics of the bank that `text` names, by words of the primary language subtag `language` or of English."""
    topic_by_word = _TOPIC_BY_WORD.get(language, _TOPIC_BY_WORD["en"])
    found = {topic_by_word.get(word) for word in wording.words(text)}
    return tuple(topic for topic in TOPICS if topic in found)
