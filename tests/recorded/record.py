"""Records rooms with the code as it is: `python -m tests.recorded.record RELEASE` writes `RELEASE-*.json` beside this.

A file that is there is never written again: what a release has recorded stays as it is.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from tests.played import HOUSE, PlayedRoom
from tests.recorded import FOLDER
from votegame.game import commands, messages
from votegame.game.presence import Presence
from votegame.game.records import to_row
from votegame.game.state import State, to_stored
from votegame.game.views import snapshot

_SETS = {"asked", "banned", "players"}


def stored(state: State) -> Any:
    """`state` as it is read again from a base record, with what has no order in one."""
    return _sets_sorted(msgspec.json.decode(msgspec.json.encode(to_stored(state))))


def _sets_sorted(value: Any) -> Any:
    """A part of a stored state, with what has no order in one."""
    if isinstance(value, dict):
        return {
            name: sorted(inner) if name in _SETS and isinstance(inner, list) else _sets_sorted(inner)
            for name, inner in value.items()
        }
    return [_sets_sorted(inner) for inner in value] if isinstance(value, list) else value


def recording(room: PlayedRoom) -> dict[str, Any]:
    """The log of a room, and what it comes to: the state, and what each member sees of it."""
    seen = {
        user_id: snapshot(room.state, user_id, room.presence, now=room.now)
        for user_id in (() if room.state.phase.name == "closed" else room.state.members)
    }
    return {
        "now": room.now,
        "rows": [msgspec.to_builtins(to_row(record)) for record in room.records],
        "state": stored(room.state),
        "snapshots": seen,
    }


def _joined(room: PlayedRoom, name: str, **fields: Any):
    user = room.a_user(name)
    room.say(user, commands.JoinRoom, **fields)
    return user


def lobby() -> PlayedRoom:
    """Everything that can happen before a game."""
    room = PlayedRoom(11, questions=["Whose is this hat?"], topic="hats")
    ben = _joined(room, "Ben")
    _joined(room, "Wes", role="spectator")
    eve = _joined(room, "Eve")
    room.say(room.host, commands.KickPlayer, user_id=eve.user_id)
    room.say(room.host, commands.LockRoom)
    room.say(room.host, commands.UnlockRoom)
    room.say(room.host, commands.LockRoom)
    settings = msgspec.convert({"total_rounds": 2, "vote_updates": "progress"}, commands.SettingsPatch)
    room.say(room.host, commands.UpdateSettings, settings=settings)
    room.say(room.host, commands.TransferHost, user_id=ben.user_id)
    return room


def answering() -> PlayedRoom:
    """A round with one answer, whose question was skipped before, extended and paused."""
    room = PlayedRoom(12)
    _joined(room, "Ben")
    room.say(room.host, commands.StartGame)
    room.say(room.host, commands.SkipQuestion)
    room.say(room.host, commands.SubmitAnswer, answer="Ähm, “tea”")
    room.say(room.host, commands.ExtendPhase, seconds=20)
    room.say(room.host, commands.PauseGame)
    return room


def voting() -> PlayedRoom:
    """A vote, after a pause; somebody comes in the middle of the game, and a spectator takes a seat."""
    room = PlayedRoom(13)
    ben, wes = _joined(room, "Ben"), _joined(room, "Wes", role="spectator")
    room.say(room.host, commands.StartGame)
    room.say(room.host, commands.PauseGame)
    room.say(room.host, commands.ResumeGame)
    room.say(room.host, commands.SubmitAnswer, answer="tea")
    _joined(room, "Cleo")
    room.say(wes, commands.JoinRoom, role="player")
    room.say(ben, commands.SubmitAnswer, answer="coffee")
    answers = room.state.phase.answers
    room.say(room.host, commands.SubmitVote, answer_id=answers[ben.user_id].answer_id)
    return room


def results() -> PlayedRoom:
    """After a round in which the host left, with points for one who is gone."""
    room = PlayedRoom(14, results_seconds=10)
    ben, cleo = _joined(room, "Ben"), _joined(room, "Cleo")
    room.say(room.host, commands.StartGame)
    room.play_round([room.host, ben, cleo])
    room.say(room.host, commands.LeaveRoom)
    return room


def finished() -> PlayedRoom:
    """Two games in the same room; the second one ends without voting."""
    room = PlayedRoom(15, total_rounds=1)
    ben = _joined(room, "Ben")
    room.say(room.host, commands.StartGame)
    room.play_round([room.host, ben])
    room.say(room.host, commands.PlayAgain)
    room.say(room.host, commands.StartGame)
    room.say(ben, commands.SubmitAnswer, answer="tea")
    room.say(room.host, commands.EndRound)
    return room


def closed() -> PlayedRoom:
    """A host who was away is replaced, and the last one leaves."""
    room = PlayedRoom(16)
    ben = _joined(room, "Ben")
    gone = Presence(frozenset({ben.user_id}), {room.host.user_id: room.now})
    room.now += HOUSE.host_away_ms
    due = messages.Timer("host_away", gone.away_since[room.host.user_id] + HOUSE.host_away_ms, None, "lobby")
    room.tell(messages.TimerDue(due), presence=gone)
    room.say(ben, commands.KickPlayer, user_id=room.host.user_id)
    room.say(ben, commands.LeaveRoom)
    return room


def moderated() -> PlayedRoom:
    """Two rounds in which answers are checked: one was flagged and replaced, others were flagged and not."""
    room = PlayedRoom(17, house=msgspec.structs.replace(HOUSE, has_moderation=True), moderation="on", tone="spicy")
    ben, cleo = _joined(room, "Ben"), _joined(room, "Cleo")
    room.say(room.host, commands.StartGame)
    for user in (room.host, ben, cleo):
        room.say(user, commands.SubmitAnswer, answer=f"{user.display_name} says")
    room.checked(ben, cleo)
    room.say(ben, commands.SubmitAnswer, answer="tea")
    room.checked()
    room.say(room.host, commands.StartVoting)
    answers = room.state.phase.answers
    for user, author in ((room.host, ben), (ben, room.host), (cleo, ben)):
        room.say(user, commands.SubmitVote, answer_id=answers[author.user_id].answer_id)
    room.say(room.host, commands.NextRound)
    room.say(ben, commands.SubmitAnswer, answer="tea")
    room.say(cleo, commands.SubmitAnswer, answer="more tea")
    room.checked(cleo)
    return room


def repeated() -> PlayedRoom:
    """Commands that were taken and changed nothing."""
    room = PlayedRoom(18)
    ben = _joined(room, "Ben")
    room.say(room.host, commands.UnlockRoom)
    room.say(room.host, commands.StartGame)
    for _ in range(2):
        room.say(ben, commands.SubmitAnswer, answer="tea")
    return room


ROOMS: dict[str, Callable[[], PlayedRoom]] = {
    each.__name__: each for each in (lobby, answering, voting, results, finished, closed, moderated, repeated)
}


def main(release: str) -> None:
    for name, play in ROOMS.items():
        path = FOLDER / f"{release}-{name}.json"
        if not path.exists():
            path.write_text(json.dumps(recording(play()), ensure_ascii=False, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
