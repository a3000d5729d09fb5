"""The settings of a room: what its host may choose, with defaults and bounds (protocol v1, "Settings")."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from votegame.game.question import Tone

HARD_MAX_PLAYERS: Final = 1_000
"""What an operator may raise `max_players` to: the snapshot of such a room is 3 MB with the longest answers."""

MOST_OWN_QUESTIONS: Final = 20
"""As many as the longest game has rounds.

With at most `votegame.wire.text.QUESTION_CHARS` code points each, all of them, and every other setting beside them, fit
into one frame of 16 KiB, also from a client that escapes all but ASCII: 20 of 120, 6 bytes each, are 14,400 bytes.
With 200 they would be 24,000.
"""

MaxPlayers = Annotated[int, Meta(ge=2, le=HARD_MAX_PLAYERS)]
TotalRounds = Annotated[int, Meta(ge=1, le=20)]
PhaseSeconds = Annotated[int, Meta(ge=10, le=300)]
ResultsSeconds = Annotated[int, Meta(ge=0, le=60)]
Topic = Annotated[str, Meta(max_length=240)]
Language = Annotated[str, Meta(min_length=2, max_length=35, pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")]
OwnQuestions = Annotated[tuple[Annotated[str, Meta(max_length=480)], ...], Meta(max_length=MOST_OWN_QUESTIONS)]
VoteUpdates = Literal["counts", "progress"]
HostAway = Literal["promote", "wait", "auto"]
Moderation = Literal["off", "on"]


class RoomSettings(Struct, frozen=True, kw_only=True):
    """All settings of a room.

    Attributes:
        max_players: Seats, 2 up to the operator's limit.
        total_rounds: Rounds of a game, 1 to 20.
        answer_seconds: Time to answer, 10 to 300.
        vote_seconds: Time to vote, 10 to 300.
        results_seconds: Time until the next round starts by itself, 3 to 60; 0 leaves it to the host.
        late_join: Whether a running game can be joined.
        vote_updates: `counts` shows the votes for each answer as they come, `progress` only how many have voted.
        host_away: What happens when the host stays away: `promote`, `wait` or `auto`.
        topic: What questions are about; free text, at most 60 code points, empty for anything.
        language: Language of the questions, a BCP 47 tag.
        tone: How daring questions may be: `family`, `default` or `spicy`.
        moderation: Whether answers are checked, and those left out that nobody should have to read: `off` or `on`.
    """

    max_players: MaxPlayers = 10
    total_rounds: TotalRounds = 3
    answer_seconds: PhaseSeconds = 60
    vote_seconds: PhaseSeconds = 45
    results_seconds: ResultsSeconds = 0
    late_join: bool = True
    vote_updates: VoteUpdates = "counts"
    host_away: HostAway = "promote"
    topic: Topic = ""
    language: Language = "en"
    tone: Tone = "default"
    moderation: Moderation = "off"


class SettingsPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The settings that a command changes; those it leaves out stay as they are.

    `questions`, the host's own, are no part of `RoomSettings`, which everyone is told: nobody sees them before they are
    asked.
    """

    max_players: MaxPlayers | UnsetType = UNSET
    total_rounds: TotalRounds | UnsetType = UNSET
    answer_seconds: PhaseSeconds | UnsetType = UNSET
    vote_seconds: PhaseSeconds | UnsetType = UNSET
    results_seconds: ResultsSeconds | UnsetType = UNSET
    late_join: bool | UnsetType = UNSET
    vote_updates: VoteUpdates | UnsetType = UNSET
    host_away: HostAway | UnsetType = UNSET
    topic: Topic | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    tone: Tone | UnsetType = UNSET
    moderation: Moderation | UnsetType = UNSET
    questions: OwnQuestions | UnsetType = UNSET


def patched(settings: RoomSettings, patch: SettingsPatch) -> RoomSettings:
    """`settings` with what `patch` gives put in."""
    given = {name: value for name in settings.__struct_fields__ if (value := getattr(patch, name)) is not UNSET}
    return msgspec.structs.replace(settings, **given)
