"""What a good model writes: questions about a topic, each different from all before, from a few hundred phrases."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

_ENGLISH = (
    [
        "What went wrong with {}",
        "Write a warning about {}",
        "Who complains loudest about {}",
        "Invent a law against {}",
        "Describe the smell of {}",
        "What is whispered about {}",
        "Sell {} to a suspicious duke",
        "Name a sport that needs {}",
        "Which proverb mentions {}",
        "Why are there suddenly so many {}",
        "Excuse the disappearance of {}",
        "What replaced {} overnight",
        "Compose an anthem for {}",
        "How did grandfather misunderstand {}",
        "Give a useless tip concerning {}",
        "Which ghost is obsessed by {}",
        "What does the manual forbid regarding {}",
    ],
    [
        "in a lighthouse full of owls?",
        "during the longest power cut in Antarctica?",
        "at a wedding of two vending machines?",
        "on the slowest train of the kingdom?",
        "behind the curtain of a bankrupt circus?",
        "after midnight in an empty aquarium?",
        "inside a submarine made of cardboard?",
        "while the orchestra tunes its vegetables?",
        "under a bridge that nobody crosses?",
        "before breakfast with seven astronauts?",
        "at the annual meeting of lost gloves?",
        "near a volcano with stage fright?",
        "among penguins who learn accounting?",
        "on the first day of pirate school?",
        "during a funeral for a toaster?",
        "in the waiting room of a vampire dentist?",
        "on a desert island with excellent plumbing?",
        "when the fog refuses to leave town?",
        "in a museum of unfinished sandwiches?",
        "through the keyhole of a haunted elevator?",
        "at an auction of secondhand clouds?",
        "beside a fountain that spits coffee?",
        "for the benefit of nervous dragons?",
        "in the diary of a retired detective?",
        "on a planet without any corners?",
        "while everyone else wears roller skates?",
        "at the border between soup and stew?",
        "across a village of professional sleepers?",
        "during the mayor's secret yoga lesson?",
        "in the choir of the snoring monks?",
        "against the advice of three librarians?",
    ],
)
_GERMAN = (
    [
        "Was ging schief mit dem Thema {}",
        "Schreibe eine Warnung zu {}",
        "Wer beschwert sich am lautesten über {}",
        "Erfinde ein Gesetz gegen {}",
        "Wie riecht eigentlich {}",
        "Was flüstert man über {}",
        "Verkaufe {} einem misstrauischen Herzog",
        "Nenne eine Sportart, die {} braucht",
        "Welches Sprichwort erwähnt {}",
        "Entschuldige das Verschwinden von {}",
        "Dichte eine Hymne auf {}",
    ],
    [
        "in einem Leuchtturm voller Eulen?",
        "beim längsten Stromausfall der Antarktis?",
        "auf der Hochzeit zweier Automaten?",
        "im langsamsten Zug des Königreichs?",
        "hinter dem Vorhang eines bankrotten Zirkus?",
        "nach Mitternacht im leeren Aquarium?",
        "in einem Unterseeboot aus Pappe?",
        "während das Orchester sein Gemüse stimmt?",
        "unter einer Brücke, die niemand überquert?",
        "vor dem Frühstück mit sieben Astronauten?",
        "beim Jahrestreffen verlorener Handschuhe?",
        "neben einem Vulkan mit Lampenfieber?",
        "zwischen Pinguinen, die Buchhaltung lernen?",
        "am ersten Tag der Piratenschule?",
        "bei der Beerdigung eines Toasters?",
        "im Wartezimmer eines Vampirzahnarztes?",
        "auf einer Insel mit hervorragenden Rohren?",
    ],
)
_PHRASES: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {"en": _ENGLISH, "de": _GERMAN}
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

    The lengths of each pair of lists have no divisor in common, so that two questions share one phrase at most.
    """
    openings, scenes = _PHRASES.get(language.partition("-")[0].lower(), _ENGLISH)
    for number in numbers or count():
        subject = topic or _ANYTHING[number % len(_ANYTHING)]
        yield f"{openings[number % len(openings)].format(subject)} {scenes[number % len(scenes)]}"
