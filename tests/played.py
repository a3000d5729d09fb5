"""Rooms that were played by the rules and written to a store, without sockets or time."""

import random

import msgspec

from votegame.game import commands, messages, records
from votegame.game.change import CheckAnswer
from votegame.game.fold import apply
from votegame.game.house import House
from votegame.game.messages import User
from votegame.game.outside import Outside, QuestionDrawn
from votegame.game.phases import wish_of
from votegame.game.presence import Presence
from votegame.game.records import Record, to_row
from votegame.game.rules import create, decide
from votegame.ids import new_room_code, new_uuid
from votegame.questions.bank import built_in_bank
from votegame.rooms.ports import Append, NewRoom, RoomHead

HOUSE = House(bank=built_in_bank())
START_MS = 1_790_000_000_000


class PlayedRoom:
    """A room whose turns are collected in `records`; `members` are connected all the time."""

    def __init__(self, seed: int = 1, *, house: House = HOUSE, **settings) -> None:
        self.house = house
        self.rng = random.Random(seed)
        self.now = START_MS
        self.records = []
        self._n_commands = 0
        self.drawn = None
        self.unchecked = []
        self.host = self.a_user("Host")
        patch = msgspec.convert(settings, commands.SettingsPatch)
        creation = messages.Creation(self.host, commands.CreateRoom(id="create", settings=patch))
        self.room_id = new_uuid(self.rng)
        self.stream = new_uuid(self.rng)
        self.room_code = new_room_code(self.rng)
        change = create(creation, room_code=self.room_code, stream=self.stream, now=self.now, rng=self.rng, house=house)
        self.state = change.state
        self.records += change.records

    def a_user(self, name: str) -> User:
        return User(new_uuid(self.rng), name)

    @property
    def presence(self) -> Presence:
        return Presence(frozenset(self.state.members), {})

    def tell(self, message, *, presence=None):
        """A turn; returns its change."""
        self.now += 250
        change = decide(
            self.state,
            message,
            presence=presence or self.presence,
            now=self.now,
            rng=self.rng,
            house=self.house,
            outside=Outside(drawn=self.drawn, unchecked=frozenset(self.unchecked)),
        )
        self.state = change.state
        self.records += change.records
        self.unchecked += [effect.answer_id for effect in change.effects if isinstance(effect, CheckAnswer)]
        return change

    def checked(self, *flagged, presence=None):
        """The checks under way have come to an end; these users' answers were flagged. Returns the change."""
        answers = self.state.phase.answers
        ids = frozenset(answers[user.user_id].answer_id for user in flagged)
        passed = frozenset(self.unchecked) - ids
        self.unchecked = []
        message = messages.AnswersChecked(round_id=self.state.phase.round.round_id, passed=passed, flagged=ids)
        return self.tell(message, presence=presence)

    def draw(self, question) -> None:
        """`question` was found for the next round, as the room wishes it now."""
        self.drawn = QuestionDrawn(wish_of(self.state), question)

    def hold(self, question) -> None:
        """`question` is recorded for the next round, as in logs from before."""
        state = self.state
        record = Record(
            position=state.position + 1,
            seq=None,
            decided_ms=self.now,
            payload=records.QuestionHeld(question=question),
        )
        self.state = apply(state, record)
        self.records.append(record)

    def say(self, user, command_type, **fields):
        """A command of a user; returns the reply."""
        self._n_commands += 1
        known = {"id": f"c{self._n_commands}", "room_code": self.room_code}
        if "round_id" in command_type.__struct_fields__ and "round_id" not in fields:
            known["round_id"] = self.state.phase.round.round_id
        command = command_type(**{**known, **fields})
        joining = Presence(frozenset({*self.state.members, user.user_id}), {})
        return self.tell(messages.FromUser(user, command), presence=joining).reply

    def play_round(self, players) -> None:
        """All answer, and all vote for the answer of the one before them."""
        for user in players:
            self.say(user, commands.SubmitAnswer, answer=f"{user.display_name} says {self.rng.random()}")
        ids = [self.state.phase.answers[user.user_id].answer_id for user in players]
        for index, user in enumerate(players):
            self.say(user, commands.SubmitVote, answer_id=ids[index - 1])


def a_game(seed: int = 1) -> PlayedRoom:
    """Three players, two rounds, a question of the host's own, one who leaves after the first, a finished game."""
    room = PlayedRoom(seed, total_rounds=2, questions=[f"Whose is hat number {seed}?"])
    ben, cleo = room.a_user("Ben"), room.a_user("Cleo")
    room.say(ben, commands.JoinRoom)
    room.say(cleo, commands.JoinRoom)
    room.draw(HOUSE.bank[seed])
    room.say(room.host, commands.StartGame)
    room.play_round([room.host, ben, cleo])
    room.say(cleo, commands.LeaveRoom)
    room.say(room.host, commands.NextRound)
    room.play_round([room.host, ben])
    return room


async def write(store, room: PlayedRoom) -> None:
    """Write what was played, the first record with the room and each of the others by an append of its own."""
    node_id = new_uuid(room.rng)
    settings = room.state.settings
    head = RoomHead(status="lobby", host_id=room.host.user_id, settings=settings, next_deadline_ms=room.now)
    rows = [to_row(record) for record in room.records]
    await store.create_room(
        NewRoom(
            room_id=room.room_id,
            room_code=room.room_code,
            stream=room.stream,
            node_id=node_id,
            creator_id=room.host.user_id,
            command_id="create",
            digest="",
            head=head,
            rows=(rows[0],),
        )
    )
    last = RoomHead(
        status=room.state.phase.name,
        host_id=room.state.host_id,
        settings=settings,
        next_deadline_ms=None if room.state.phase.name == "closed" else room.now,
    )
    for row in rows[1:]:
        append = Append(room_id=room.room_id, epoch=1, base=row.position - 1, rows=(row,), head=last)
        assert await store.append([append])
