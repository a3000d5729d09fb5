"""Models that make questions and judge texts, each behind the ports of `votegame.questions`."""

from typing import Protocol

from votegame.questions.ports import Moderator, QuestionMaker
from votegame.settings import Settings


class Model(QuestionMaker, Moderator, Protocol):
    """A model that can be called, until it is closed."""

    async def close(self) -> None:
        """Close all connections."""


def model_of(settings: Settings) -> Model | None:
    """The model that the operator has set; None without one.

    Call it before games are in play: with a model it takes a second, in which nothing else happens.
    """
    if not settings.has_model:
        return None
    # Only here, since it costs a second and some 40 MB, which nobody without a model is to pay.
    from votegame.providers.openai import OpenAIModel  # noqa: PLC0415

    return OpenAIModel(
        api_key=settings.openai_api_key,
        base_url=settings.openai_base_url,
        model=settings.openai_model,
        seconds=settings.model_seconds,
    )
