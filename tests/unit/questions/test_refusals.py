import pytest

from votegame.questions.refusals import is_refusal


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.", "I\u2019m sorry, but no.", "I cannot create such questions.",
        "As an AI, what would I say?", "Sure! What is a boat?", "Here are some questions:", "Of course! Why?",
        "What would an AI language model never say?", "This goes against the content policy.",
        "Sorry, I cannot do this.",
        "Es tut mir leid, aber das geht nicht.", "Als KI kann ich das nicht.", "Je suis d\u00e9sol\u00e9, mais non.",
        "Lo siento, no puedo.", "Mi dispiace, non posso.", "Desculpe, n\u00e3o posso.", "Het spijt me.",
        "\u041a \u0441\u043e\u0436\u0430\u043b\u0435\u043d\u0438\u044e, \u044f \u043d\u0435 \u043c\u043e\u0433\u0443.",
        "\u7533\u3057\u8a33\u3042\u308a\u307e\u305b\u3093\u3002", "\u62b1\u6b49\uff0c\u6211\u4e0d\u80fd\u3002",
    ],
)  # fmt: skip
def test_a_model_that_speaks_of_itself_is_found(text):
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "Sorry, we are closed because of ____.", "What would you never say sorry for?", "I cook ____ for my boss.",
        "What can't a robot help with?", "What is the worst way to say you are sorry?",
        "Unfortunately, the king ate ____.",
    ],
)  # fmt: skip
def test_questions_about_being_sorry_are_none(text):
    assert not is_refusal(text)
