"""Transcripts: stories of the protocol that can be read by people, and played by programs of any language.

One file is one story. `protocol/transcripts.md` explains the format; `protocol/schemas/transcript.json` is generated
from these types.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from votegame.wire.snapshot import Part

Need = Literal["slow", "rates", "restart", "moderation"]
Target = Literal["server", "client"]
Kind = Literal["guest", "new", "stranger"]
Pattern = Any
"""JSON with variables and matchers in it."""

ACTIONS = (
    "connect",
    "connect_until",
    "send",
    "send_text",
    "send_bytes",
    "send_until",
    "expect",
    "closed",
    "drop",
    "close",
    "http",
    "restart",
    "report",
    "stays_away",
)


class Actor(Part, frozen=True, kw_only=True):
    """Somebody in a story."""

    display_name: Annotated[str, Meta(min_length=1, max_length=32, description="The name that the user has.")] = "Guest"
    kind: Annotated[
        Kind,
        Meta(
            description="`guest`: a guest, who may have been in other stories; `new`: one who was made for this story; "
            "`stranger`: nobody is logged in."
        ),
    ] = "guest"


class Connect(Part, frozen=True, kw_only=True):
    """How a WebSocket is opened."""

    credential: Annotated[
        Literal["bearer", "cookie", "none"],
        Meta(description="The header `Authorization`, the login cookie, or nothing."),
    ] = "bearer"
    subprotocols: Annotated[tuple[str, ...], Meta(description="The subprotocols that are offered, in order.")] = (
        "votegame.v1",
    )
    query: Annotated[str, Meta(description="What stands behind `/ws?`.")] = ""
    headers: Annotated[dict[str, str], Meta(description="Further headers.")] = msgspec.field(default_factory=dict)
    subprotocol: Annotated[
        str | UnsetType | None, Meta(description="The subprotocol that must be echoed; null for none.")
    ] = UNSET
    status: Annotated[int, Meta(description="The status that the server must answer with; 101 opens the socket.")] = 101
    body: Annotated[Pattern, Meta(description="What the body of a refusal must hold.")] = UNSET


class ConnectUntil(Part, frozen=True, kw_only=True):
    """Connections of one user that are opened one after another, until the server closes one."""

    limit: Annotated[Pattern, Meta(description="How many a node lets a user have: a number, or a variable.")]
    closed: Annotated[int, Meta(description="The code that one of them must be closed with.")]
    query: Annotated[str, Meta(description="What stands behind `/ws?`.")] = ""


class Http(Part, frozen=True, kw_only=True):
    """A call over HTTP, and what must be answered."""

    method: Annotated[str, Meta(description="The method.")]
    path: Annotated[str, Meta(description="The path; it may hold variables, as `${room}`.")]
    credential: Annotated[
        Literal["bearer", "cookie", "none"],
        Meta(description="The header `Authorization`, the login cookie, or nothing."),
    ] = "bearer"
    headers: Annotated[dict[str, str], Meta(description="Further headers.")] = msgspec.field(default_factory=dict)
    body: Annotated[Any, Meta(description="The JSON that is sent.")] = UNSET
    text: Annotated[str | UnsetType, Meta(description="The body as it is, in place of `body`.")] = UNSET
    fill: Annotated[int, Meta(ge=1, description="With `text`: how often it stands in the body.")] = 1
    status: Annotated[int, Meta(description="The status of the answer.")] = 200
    response_headers: Annotated[dict[str, Pattern], Meta(description="Headers that the answer must have.")] = (
        msgspec.field(default_factory=dict)
    )
    response: Annotated[Pattern, Meta(description="What the body of the answer must hold.")] = UNSET


class SendUntil(Part, frozen=True, kw_only=True):
    """A command that is sent again and again, until the server has had too many."""

    command: Annotated[dict[str, Any], Meta(description="The command, always the same.")]
    refused: Annotated[dict[str, Pattern], Meta(description="The `error` that one of them must get in the end.")]
    burst: Annotated[Pattern, Meta(description="How many may be sent at once: a number, or a variable.")]
    per_second: Annotated[Pattern, Meta(description="And how many a second in the long run.")]


class Step(Part, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happens. Besides `actor`, `tab` and `note` it has one action, and what belongs to that."""

    note: Annotated[str, Meta(description="For people: what happens here, and why.")] = ""
    actor: Annotated[
        str | tuple[str, ...], Meta(description="Who does it, or is told it. Several: each of them, in this order.")
    ] = ()
    tab: Annotated[str, Meta(description="Which of the actor's connections, where there are several.")] = ""
    connect: Annotated[Connect | UnsetType, Meta(description="Open a WebSocket.")] = UNSET
    connect_until: Annotated[
        ConnectUntil | UnsetType, Meta(description="Open more connections than the server lets a user have.")
    ] = UNSET
    send: Annotated[dict[str, Any] | UnsetType, Meta(description="Send this command.")] = UNSET
    send_text: Annotated[str | UnsetType, Meta(description="Send this text, whatever it is, in a text frame.")] = UNSET
    fill: Annotated[int, Meta(ge=1, description="With `send_text`: how often the text stands in the frame.")] = 1
    send_bytes: Annotated[
        str | UnsetType, Meta(description="Send these bytes, in hexadecimal, in a frame of the kind `opcode`.")
    ] = UNSET
    send_until: Annotated[
        SendUntil | UnsetType, Meta(description="Send a command more often than the server lets anybody do.")
    ] = UNSET
    opcode: Annotated[Literal["text", "binary"], Meta(description="With `send_bytes`: the kind of frame.")] = "binary"
    repeat: Annotated[int, Meta(ge=1, description="How often it is sent.")] = 1
    by_itself: Annotated[
        bool, Meta(description="Against a client: it is not told to do this; it must know that it has to.")
    ] = False
    seconds: Annotated[
        tuple[float, float] | UnsetType,
        Meta(
            description="Against a client, with `by_itself`: it must not do this sooner than the first number of "
            "seconds after what made it do so, nor later than the second."
        ),
    ] = UNSET
    expect: Annotated[
        dict[str, Pattern] | UnsetType,
        Meta(
            description="The next frame must be like this. Notices that come before it, and frames of unknown types, "
            "are passed over; if a notice is expected, other notices are."
        ),
    ] = UNSET
    skip: Annotated[tuple[str, ...], Meta(description="Types of frames that are passed over, too.")] = ()
    answers: Annotated[
        bool, Meta(description="Against a client: the server sends the frame that is expected; if false, it is lost.")
    ] = True
    unknown: Annotated[
        bool, Meta(description="Against a client: the server adds fields, and frames before it, that nobody knows.")
    ] = False
    twice: Annotated[bool, Meta(description="Against a client: the server sends it twice.")] = False
    closed: Annotated[int | UnsetType, Meta(description="The server must close the connection with this code.")] = UNSET
    drop: Annotated[bool | UnsetType, Meta(description="The connection breaks, without a close frame.")] = UNSET
    close: Annotated[bool | UnsetType, Meta(description="The actor closes the connection, with 1000.")] = UNSET
    http: Annotated[Http | UnsetType, Meta(description="A call over HTTP.")] = UNSET
    restart: Annotated[bool | UnsetType, Meta(description="The server is stopped and started again.")] = UNSET
    report: Annotated[
        bool | UnsetType,
        Meta(description="What the actor knows of the room must be what the server shows; see `transcripts.md`."),
    ] = UNSET
    stays_away: Annotated[
        float | UnsetType, Meta(description="Against a client: for so many seconds it must not connect.")
    ] = UNSET
    patience: Annotated[float, Meta(gt=0, description="Seconds after which it has not happened.")] = 10.0

    def __post_init__(self) -> None:
        """Refuse a step that is none.

        Raises:
            ValueError: It has no action, or several.
        """
        if len(self.actions) != 1:
            raise ValueError(f"a step has one action, not {self.actions}")
        if (self.restart is UNSET) == (not self.actors):
            raise ValueError("a step has an actor, unless it is `restart`")

    @property
    def actions(self) -> list[str]:
        """The names of its actions."""
        return [name for name in ACTIONS if getattr(self, name) is not UNSET]

    @property
    def action(self) -> str:
        """The name of its action."""
        return self.actions[0]

    @property
    def actors(self) -> tuple[str, ...]:
        """Who acts."""
        return (self.actor,) if isinstance(self.actor, str) else self.actor


class Transcript(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A story."""

    title: Annotated[str, Meta(description="What it is called.")]
    shows: Annotated[str, Meta(description="What it shows, in a sentence or two.")]
    chapters: Annotated[tuple[str, ...], Meta(description="The anchors in `v1.md` of what it is an example of.")] = ()
    against: Annotated[
        tuple[Target, ...], Meta(description="What it can be played against: a server, a client under test, or both.")
    ] = ("server",)
    client: Annotated[
        str | UnsetType, Meta(description="Against a client: the actor whose part the client under test has.")
    ] = UNSET
    needs: Annotated[
        tuple[Need, ...],
        Meta(
            description="What not every run can give: `slow`, the time for half a minute of waiting; `rates`, a server "
            "whose limits per time are on; `restart`, somebody who stops the server and starts it again; `moderation`, "
            "a server whose moderator flags a threat to hurt somebody."
        ),
    ] = ()
    actors: Annotated[dict[str, Actor], Meta(description="Who is in it, by short names.")]
    steps: Annotated[tuple[Step, ...], Meta(description="What happens, in order.")]

    def __post_init__(self) -> None:
        """Refuse a story with somebody in it who is not in the list.

        Raises:
            ValueError: That is so.
        """
        strangers = {name for step in self.steps for name in step.actors} - set(self.actors)
        if strangers:
            raise ValueError(f"no such actors: {sorted(strangers)}")
        if ("client" in self.against) != (self.client is not UNSET) or self.client not in {*self.actors, UNSET}:
            raise ValueError("`client` names one of the actors, for transcripts that are played against clients")


def read_transcript(path: Path) -> Transcript:
    """The transcript in a file. Raises `msgspec.DecodeError`."""
    return msgspec.json.decode(path.read_bytes(), type=Transcript)


def read_transcripts(folder: Path) -> dict[str, Transcript]:
    """The transcripts in a folder, by the names of their files."""
    return dict(_each(folder))


def _each(folder: Path) -> Iterator[tuple[str, Transcript]]:
    for path in sorted(folder.glob("*.json")):
        yield path.stem, read_transcript(path)
