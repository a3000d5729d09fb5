"""Digests of what clients know of a room: equal for all of them at one number, whoever looks."""

import json
from typing import Any

from votegame.client.fold import RoomFold

Frame = dict[str, Any]

MEMBER_NAMES = ("user_id", "display_name", "score", "role", "has_played")
"""What is told of a member in numbered frames."""


LATER_SETTINGS = {"tone": "default", "moderation": "off"}
"""Settings that the last release does not know, as they are in its rooms: its nodes neither tell nor write them."""


def completed(settings: Frame) -> Frame:
    """All settings, whichever of two releases has told or written them."""
    return {**LATER_SETTINGS, **settings}


class NotedFold(RoomFold):
    """A fold that keeps a digest of each number that it has seen."""

    def __init__(self, user_id: str) -> None:
        super().__init__(user_id)
        self.digests: list[tuple[str, int, str]] = []
        """(stream, seq, digest) after each numbered event and snapshot."""

    def take_ok(self, ok: Frame) -> None:
        super().take_ok(ok)
        if "state" in ok:
            self._note()

    def take(self, frame: Frame) -> None:
        super().take(frame)
        if "seq" in frame:
            self._note()

    def _note(self) -> None:
        self.digests.append((self.state["stream"], self.seq, digest(self.state)))


def digest(state: Frame) -> str:
    """The parts of a `state` that are the same for everyone at one `seq`, as one text."""
    current = state["round"]
    shared = {
        "phase": state["phase"],
        "host_id": state["host_id"],
        "locked": state["locked"],
        "settings": completed(state["settings"]),
        "own_question_count": state["own_question_count"],
        "leaderboard": state["leaderboard"],
        "members": [[one[name] for name in MEMBER_NAMES] for one in state["members"]],
        "round": current
        and {
            "round_id": current["round_id"],
            "round_number": current["round_number"],
            "total_rounds": current["total_rounds"],
            "question": current["question"],
            "time_limit": current["time_limit"],
            "deadline": current["deadline"],
            "answers": current["answers"] and [[one["id"], one["content"]] for one in current["answers"]],
            "results": current["results"],
        },
    }
    return json.dumps(shared, sort_keys=True)
