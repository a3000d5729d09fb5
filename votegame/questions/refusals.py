"""A model that speaks of itself instead of asking: it apologises, declines, or introduces what it was asked for."""

import re
from typing import Final

_OPENINGS: Final = (
    "i'm sorry", "i am sorry", "sorry, i", "sorry, but", "sorry but", "i apologize", "i apologise", "my apologies",
    "unfortunately, i",
    "i cannot ", "i can't ", "i can not ", "i won't ", "i will not ", "i'm not able", "i am not able", "i'm unable",
    "i am unable", "as an ai", "as a language model", "as a large language", "i must decline",
    "i don't feel comfortable",
    "sure!", "sure,", "sure:", "certainly!", "certainly,", "of course!", "of course,", "absolutely!", "great question",
    "here are", "here is", "here's a", "here's one", "below are", "let me know", "note:", "please note",
    "please provide",
    "would you like me to", "do you want me to", "is there anything else", "happy to help", "how can i help",
    "tut mir leid", "es tut mir leid", "leider kann ich", "leider ist es mir", "ich kann nicht", "ich kann dir nicht",
    "ich kann ihnen nicht", "ich darf nicht", "als ki", "als sprachmodell", "entschuldigung", "hier sind",
    "hier ist eine",
    "gerne!", "gern!", "natürlich!", "natürlich,", "selbstverständlich", "klar!",
    "je suis désolé", "désolé", "je ne peux pas", "en tant qu'ia", "en tant que modèle", "bien sûr", "voici",
    "lo siento", "no puedo ayudar", "no puedo generar", "como modelo", "como ia", "claro que", "claro,", "aquí tienes",
    "mi dispiace", "non posso", "come modello", "in quanto ia", "certo!", "ecco",
    "desculpe", "sinto muito", "não posso ajudar", "como um modelo", "aqui estão",
    "het spijt me", "ik kan niet", "als ai", "als taalmodel", "natuurlijk!", "hier zijn",
    "przepraszam", "nie mogę", "jako model", "oto ", "jag är ledsen", "tyvärr", "som ai", "här är",
    "извините", "к сожалению", "я не могу", "как ии", "как языковая модель", "вот ", "конечно",
    "申し訳", "すみません", "aiとして", "以下", "抱歉", "对不起", "對不起", "作为ai", "作為ai", "作为一个", "以下是",
    "죄송", "آسف", "عذر",
)  # fmt: skip
"""In the languages that models answer in most, without difference of case."""

_ANYWHERE: Final = re.compile(
    r"as an ai\b|\b(?:ai|artificial intelligence) (?:language )?model|language model\b|\bopenai\b|\bchatgpt\b"
    r"|content polic|usage polic|can(?:no|')t (?:assist|help|comply|fulfill|generate|create|provide)"
    r"|unable to (?:assist|help|comply)|sprachmodell|als ki\b|nicht weiterhelfen|modèle de langage"
    r"|modelo de lenguaje|modello linguistico|modelo de linguagem|taalmodel|языков\w+ модел"
    r"|言語モデル|语言模型|語言模型"
)


def is_refusal(text: str) -> bool:
    """Whether `text` is said by a model in its own name."""
    plain = text.casefold().replace("\u2019", "'")
    return plain.startswith(_OPENINGS) or _ANYWHERE.search(plain) is not None
