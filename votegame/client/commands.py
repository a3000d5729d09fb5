"""The commands to a room, as methods: each returns what its `ok` says, or raises by `votegame.client.errors`.

A command whose reply is lost with the connection is sent again by itself, with the same id: the caller just waits.
"""

from abc import ABC, abstractmethod
from typing import Literal, TypedDict, Unpack

import msgspec

from votegame.client.errors import Frame, NotNow
from votegame.client.view import RoomView, Settings

ReactionName = Literal["applause", "laugh", "heart", "surprise", "sad", "fire", "thumbs_up", "thumbs_down"]


class SettingsPatch(TypedDict, total=False):
    """Settings that differ from what they are."""

    max_players: int
    total_rounds: int
    answer_seconds: int
    vote_seconds: int
    results_seconds: int
    late_join: bool
    vote_updates: Literal["counts", "progress"]
    host_away: Literal["promote", "wait", "auto"]
    topic: str
    language: str
    tone: Literal["family", "default", "spicy"]
    moderation: Literal["off", "on"]
    questions: list[str]


class Commands(ABC):
    """All commands that a member may give in his room. Without a `round_id` the present round is meant."""

    @property
    @abstractmethod
    def view(self) -> RoomView:
        """The room as it is now."""

    @abstractmethod
    async def command(self, command_type: str, **fields: object) -> Frame:
        """Give any command by its name, also one that has no method here; returns its `ok`."""

    def _round_id(self, given: str | None) -> str:
        current = self.view.round
        if given is None and current is None:
            raise NotNow("wrong_phase", "There is no round yet.", {"phase": self.view.phase})
        return given or (current.round_id if current is not None else "")

    async def submit_answer(self, answer: str, *, round_id: str | None = None) -> str:
        """Answer the question; returns the id of the answer."""
        ok = await self.command("submit_answer", round_id=self._round_id(round_id), answer=answer)
        return str(ok["answer_id"])

    async def submit_vote(self, answer_id: str, *, round_id: str | None = None) -> str:
        """Vote for an answer; returns the id of the vote."""
        ok = await self.command("submit_vote", round_id=self._round_id(round_id), answer_id=answer_id)
        return str(ok["vote_id"])

    async def react(self, reaction: ReactionName) -> None:
        """Show how one feels. Raises ConnectionLost without a connection: a reaction is of the moment."""
        await self.command("react", reaction=reaction)

    async def take_seat(self) -> None:
        """As a spectator, become a player."""
        await self.command("join_room", role="player")

    async def start_game(self) -> str:
        """As the host, start; returns the id of the round."""
        return str((await self.command("start_game"))["round_id"])

    async def next_round(self) -> str:
        """As the host, go on; returns the id of the round."""
        return str((await self.command("next_round"))["round_id"])

    async def start_voting(self, *, round_id: str | None = None) -> None:
        """As the host, end the answering."""
        await self.command("start_voting", round_id=self._round_id(round_id))

    async def end_round(self, *, round_id: str | None = None) -> None:
        """As the host, end the round."""
        await self.command("end_round", round_id=self._round_id(round_id))

    async def skip_question(self, *, round_id: str | None = None) -> str:
        """As the host, ask another question; returns the id of the round in its place."""
        return str((await self.command("skip_question", round_id=self._round_id(round_id)))["round_id"])

    async def extend_phase(self, seconds: int, *, round_id: str | None = None) -> int | None:
        """As the host, give more time; returns the new deadline, in ms of the server's clock; None while paused."""
        ok = await self.command("extend_phase", round_id=self._round_id(round_id), seconds=seconds)
        return None if ok["deadline"] is None else int(ok["deadline"])

    async def update_settings(self, **settings: Unpack[SettingsPatch]) -> Settings:
        """As the host, change settings; returns all of them."""
        ok = await self.command("update_settings", settings=dict(settings))
        return msgspec.convert(ok["settings"], Settings)

    async def kick_player(self, user_id: str) -> None:
        """As the host, remove a member for good."""
        await self.command("kick_player", user_id=user_id)

    async def transfer_host(self, user_id: str) -> None:
        """As the host, make another player host."""
        await self.command("transfer_host", user_id=user_id)

    async def lock_room(self) -> None:
        """As the host, let nobody new in."""
        await self.command("lock_room")

    async def unlock_room(self) -> None:
        """As the host, let people in again."""
        await self.command("unlock_room")

    async def pause_game(self) -> None:
        """As the host, stop the clock."""
        await self.command("pause_game")

    async def resume_game(self) -> None:
        """As the host, let the clock go on."""
        await self.command("resume_game")

    async def play_again(self) -> None:
        """As the host, go back to the lobby."""
        await self.command("play_again")
