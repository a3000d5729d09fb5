"""What a good model writes: questions about a topic, each different from all before, from a few hundred phrases."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

_Phrases = tuple[Sequence[str], Sequence[str], Sequence[str]]

_ENGLISH: _Phrases = (
    [
        "What went wrong with {topic} {place} {event}?",
        "Write a warning about {topic} {place} {event}.",
        "Who complains of {topic} {place} {event}?",
        "Invent a law on {topic} {place} {event}.",
        "How does {topic} smell {place} {event}?",
        "What is whispered about {topic} {place} {event}?",
        "Sell {topic} {place} {event}.",
        "Name a sport with {topic} {place} {event}.",
        "Quote a proverb on {topic} {place} {event}.",
        "Why so many {topic} {place} {event}?",
        "Excuse the loss of {topic} {place} {event}.",
        "What replaced {topic} {place} {event}?",
        "Title an anthem to {topic} {place} {event}.",
        "Who misunderstood {topic} {place} {event}?",
        "Give a useless tip on {topic} {place} {event}.",
        "Which ghost loves {topic} {place} {event}?",
        "What is forbidden to {topic} {place} {event}?",
    ],
    [
        "in a lighthouse",
        "in Antarctica",
        "at a robot wedding",
        "on the slowest train",
        "behind a bankrupt circus",
        "inside an aquarium",
        "in a cardboard submarine",
        "under a wobbly bridge",
        "near a shy volcano",
        "at pirate school",
        "at a toaster's funeral",
        "with a vampire dentist",
        "on a desert island",
        "in a sandwich museum",
        "in a haunted elevator",
        "at an auction of clouds",
        "beside a coffee fountain",
        "on a square planet",
        "in a monastery kitchen",
        "at the ministry of naps",
        "inside a giant pumpkin",
        "on a rusty carousel",
        "in the mayor's bathtub",
        "at a penguin casino",
        "in a library of smells",
        "above a soap factory",
        "on a floating bakery",
        "in a castle of pillows",
        "at an underground zoo",
        "behind the northern lights",
        "in a tunnel of mirrors",
    ],
    [
        "while owls applaud",
        "during a power cut",
        "as the soup explodes",
        "before seven astronauts wake",
        "when fog refuses to leave",
        "while librarians wrestle",
        "after the great sneeze",
        "as violins melt",
        "during yoga for dragons",
        "while detectives nap",
        "until the goose confesses",
        "on roller skates",
        "with one glove missing",
        "as trumpets grow roots",
        "when gravity takes lunch",
        "before the moon votes",
        "while snails protest",
        "during the butter shortage",
        "as wizards file taxes",
        "when shadows go shopping",
        "after the queen hiccups",
        "with invisible furniture",
        "while magnets argue",
        "as Tuesday repeats itself",
        "without a single spoon",
        "during silent fireworks",
        "when statues stretch",
        "while hedgehogs referee",
        "as thunder apologises",
    ],
)
_GERMAN: _Phrases = (
    [
        "Was ging schief: {topic} {place}, {event}?",
        "Schreibe eine Warnung: {topic} {place}, {event}.",
        "Wer beschwert sich: {topic} {place}, {event}?",
        "Erfinde ein Gesetz: {topic} {place}, {event}.",
        "Wie riecht das: {topic} {place}, {event}?",
        "Was flüstert man: {topic} {place}, {event}?",
        "Mach Werbung: {topic} {place}, {event}.",
        "Nenne eine Sportart: {topic} {place}, {event}.",
        "Wie lautet das Sprichwort: {topic} {place}, {event}?",
        "Entschuldige dich: {topic} {place}, {event}.",
        "Was steht in der Zeitung: {topic} {place}, {event}?",
    ],
    [
        "im Leuchtturm",
        "in der Antarktis",
        "auf der Hochzeit zweier Roboter",
        "im langsamsten Zug",
        "hinter dem bankrotten Zirkus",
        "im leeren Aquarium",
        "im Unterseeboot aus Pappe",
        "unter der wackligen Brücke",
        "neben dem schüchternen Vulkan",
        "in der Piratenschule",
        "beim Begräbnis eines Toasters",
        "beim Vampirzahnarzt",
        "auf der einsamen Insel",
        "im Museum der Brote",
        "im verhexten Aufzug",
        "in der Badewanne des Königs",
        "im Kasino der Pinguine",
    ],
    [
        "während Eulen klatschen",
        "bei Stromausfall",
        "als die Suppe explodiert",
        "bevor sieben Astronauten aufwachen",
        "weil der Nebel bleibt",
        "während Geigen schmelzen",
        "nach dem großen Niesen",
        "bis die Gans gesteht",
        "auf Rollschuhen",
        "ohne einen einzigen Löffel",
        "während Schnecken streiken",
        "bevor der Mond wählt",
        "weil Schatten einkaufen gehen",
    ],
)
_PHRASES: Mapping[str, _Phrases] = {"en": _ENGLISH, "de": _GERMAN}
_ANYTHING = [
    "umbrellas",
    "breakfast",
    "neighbours",
    "socks",
    "elevators",
    "homework",
    "pigeons",
    "furniture",
    "Mondays",
]

RUSSIAN = [
    "Что шепчет холодильник, когда все наконец уснули?",
    "Придумайте праздник для потерянных перчаток.",
    "Почему чайник отказался ехать на море?",
]


def questions(language: str, topic: str, numbers: Iterator[int] | None = None) -> Iterator[str]:
    """Questions about `topic`, the first at the next of `numbers`; English when there are no phrases of `language`.

    The lengths of the lists have no divisors in common: of hundreds in a row, no two share more than one phrase.
    """
    openings, places, events = _PHRASES.get(language.partition("-")[0].lower(), _ENGLISH)
    for number in numbers or count():
        subject = topic or _ANYTHING[number % len(_ANYTHING)]
        place, event = places[number % len(places)], events[number % len(events)]
        yield openings[number % len(openings)].format(topic=subject, place=place, event=event)
