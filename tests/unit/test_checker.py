"""The checker finds what is planted: a good evening of games, and one thing wrong in it, each time another one."""

import copy
import json
import math
import time
import uuid
from types import SimpleNamespace

import msgspec
import pytest

from tests.checker import Logs, violations
from tests.checker_nodes import Fault, Owners, Ownership
from tests.played import PlayedRoom
from votegame.game import commands
from votegame.game.change import Event
from votegame.game.records import to_row
from votegame.game.views import snapshot

OFFSET = time.time() - time.monotonic()
NODE, OTHER_NODE = "http://one", "http://other"


class Evening(PlayedRoom):
    """A room with the histories of those who play in it, each over one connection."""

    def __init__(self, seed: int = 1, **settings) -> None:
        self.clients = {}
        super().__init__(seed, **settings)
        self._open(self.host)
        create = {"type": "create_room", "id": "create", "settings": settings}
        self._note(self.host, "sent", create)
        self.now += 1
        self._note(self.host, "got", {"type": "ok", "id": "create", **self._state_fields(self.host)})

    def _open(self, user) -> None:
        self.clients[user.user_id] = SimpleNamespace(name=user.display_name, user_id=user.user_id, history=[])
        self._note(user, "opened", NODE)
        self._note(user, "got", {"type": "welcome"})

    def _note(self, user, kind, content) -> None:
        content = json.loads(json.dumps(content))
        self.clients[user.user_id].history.append((kind, 1, self.now / 1000 - OFFSET, content))

    def _state_fields(self, user) -> dict:
        state = snapshot(self.state, user.user_id, self.presence, now=self.now)
        return {"room_code": self.room_code, "state": state}

    def a_user(self, name):
        user = super().a_user(name)
        if name != "Host":
            self._open(user)
        return user

    def say(self, user, command_type, **fields):
        listeners = [client for client in self.clients if client in self.state.members]
        before = len(self.records)
        self._n_commands += 1
        known = {"id": uuid.UUID(int=self._n_commands).hex, "room_code": self.room_code}
        if "round_id" in command_type.__struct_fields__ and "round_id" not in fields:
            known["round_id"] = self.state.phase.round.round_id
        self._n_commands -= 1
        command = command_type(**{**known, **fields})
        self._note(user, "sent", msgspec.to_builtins(command) | {"type": command.__struct_config__.tag})
        self.caught = []
        reply = super().say(user, command_type, **{**fields, "id": command.id})
        frame = {"type": "ok", "id": command.id, **reply.fields}
        if not reply.attach:
            self._note(user, "got", frame)
        assert len(self.records) > before
        for item in self.caught[-1].public:
            head = {"type": item.type, "room_code": self.room_code, "server_time": self.now}
            seq = {"seq": item.seq} if isinstance(item, Event) else {}
            for listener in listeners:
                self._note(SimpleNamespace(user_id=listener), "got", {**head, **seq, **item.fields})
        if reply.attach:
            self._note(user, "got", frame)
        return reply

    def tell(self, message, *, presence=None):
        change = super().tell(message, presence=presence)
        self.caught = [*getattr(self, "caught", ()), change]
        return change

    def logs(self) -> Logs:
        rows = []
        for record in self.records:
            row = json.loads(json.dumps(msgspec.structs.asdict(to_row(record))))
            rows.append(row | {"server_time": record.decided_ms, "epoch": 1})
        state = self.state
        room = {
            "code": self.room_code,
            "stream": state.stream,
            "status": state.phase.name,
            "host_id": state.host_id,
            "settings": msgspec.to_builtins(state.settings),
            "last_position": state.position,
            "last_seq": state.seq,
            "epoch": 1,
            "creator_id": self.host.user_id,
            "command_id": "create",
        }
        return Logs({self.room_code: room}, {self.room_code: rows})


def an_evening(seed: int = 1) -> Evening:
    room = Evening(seed, total_rounds=2)
    ben, cleo, eve = room.a_user("Ben"), room.a_user("Cleo"), room.a_user("Eve")
    for user in (ben, cleo):
        room.say(user, commands.JoinRoom)
    room.say(eve, commands.JoinRoom, role="spectator")
    room.say(room.host, commands.StartGame)
    play_round(room, [room.host, ben, cleo])
    room.say(cleo, commands.LeaveRoom)
    room.say(room.host, commands.NextRound)
    room.say(eve, commands.JoinRoom, role="player")
    play_round(room, [room.host, ben])
    return room


def play_round(room, players) -> None:
    for user in players:
        room.say(user, commands.SubmitAnswer, answer=f"answer {room.rng.getrandbits(64):x}")
    ids = [room.state.phase.answers[user.user_id].answer_id for user in players]
    for index, user in enumerate(players):
        room.say(user, commands.SubmitVote, answer_id=ids[index - 1])


class Scene:
    """A good evening, to be spoilt."""

    def __init__(self) -> None:
        room = an_evening()
        self.logs = room.logs()
        self.clients = list(room.clients.values())
        self.host, self.ben, self.cleo, self.eve = self.clients
        self.code = room.room_code
        self.room = self.logs.rooms[self.code]
        self.rows = self.logs.rows[self.code]
        self.server_log = ""
        self.silences = {}
        self.owners = Owners({self.code: [Ownership(1, NODE, -math.inf)]}, {self.code: {1: {"node-0.1"}}})
        self.faults = []

    def found(self) -> list[str]:
        return violations(
            self.clients,
            self.logs,
            server_log=self.server_log,
            silences=self.silences,
            owners=self.owners,
            faults=self.faults,
        )

    @property
    def began(self) -> float:
        return self.ben.history[0][2]

    def row(self, row_type, index=0) -> dict:
        return [row for row in self.rows if row["type"] == row_type][index]

    def frame(self, client, frame_type, index=0) -> dict:
        return self.frames(client, frame_type)[index]

    def frames(self, client, frame_type) -> list[dict]:
        return [each for kind, _, _, each in client.history if kind == "got" and each["type"] == frame_type]

    def ok(self, client, command_type, index=0) -> dict:
        sent = [each["id"] for kind, _, _, each in client.history if kind == "sent" and each["type"] == command_type]
        return next(each for each in self.frames(client, "ok") if each["id"] == sent[index])

    def forget(self, client, frame) -> None:
        client.history = [entry for entry in client.history if entry[3] is not frame]

    def remove(self, row) -> None:
        self.rows.remove(row)
        for position, each in enumerate(self.rows, 1):
            each["position"] = position


def test_a_good_evening_has_no_violations():
    assert Scene().found() == []


def test_a_run_in_which_somebody_heard_nothing_proves_nothing():
    scene = Scene()
    scene.ben.history.clear()
    assert any(what.startswith("nothing happened: Ben") for what in scene.found())


PLANTED = {}


def plant(number: str):
    """Names the invariant under which the violation must be found."""

    def decorate(spoil):
        PLANTED[spoil.__name__] = (number, spoil)
        return spoil

    return decorate


@plant("I1")
def an_acknowledged_vote_is_lost(scene):
    scene.remove(scene.row("vote_submitted"))


@plant("I1")
def an_acknowledged_answer_has_another_content(scene):
    scene.row("answer_submitted")["payload"]["content"] = "something else"


@plant("I1")
def an_answer_has_another_id_than_was_acknowledged(scene):
    scene.ok(scene.ben, "submit_answer")["answer_id"] = str(uuid.UUID(int=1))


@plant("I1")
def a_round_has_another_id_than_was_acknowledged(scene):
    scene.ok(scene.host, "next_round")["round_id"] = str(uuid.UUID(int=1))


@plant("I1")
def an_event_that_somebody_saw_is_lost(scene):
    scene.remove(scene.row("game_ended"))
    scene.room |= {"last_position": len(scene.rows), "last_seq": scene.room["last_seq"] - 1, "status": "results"}


@plant("I1")
def an_event_has_another_time(scene):
    scene.frame(scene.ben, "voting_started")["server_time"] += 1


@plant("I1")
def an_event_has_other_contents(scene):
    scene.frame(scene.ben, "round_ended")["results"][0]["vote_count"] += 1


@plant("I1")
def a_board_is_wrong(scene):
    for client in (scene.host, scene.ben):
        scene.frame(client, "game_ended")["final_leaderboard"].reverse()


@plant("I1")
def an_answer_is_counted_that_is_not_kept(scene):
    scene.frame(scene.ben, "answer_submitted")["submitted_count"] = 4


@plant("I1")
def a_login_is_forgotten(scene):
    scene.ben.history.append(("refused", 2, scene.ben.history[-1][2], (401, NODE)))


@plant("I2")
def a_command_has_two_effects(scene):
    scene.row("vote_submitted", 1)["command_id"] = scene.row("vote_submitted")["command_id"]
    scene.row("vote_submitted", 1)["user_id"] = scene.row("vote_submitted")["user_id"]


@plant("I2")
def somebody_has_two_votes_in_a_round(scene):
    scene.row("vote_submitted", 1)["user_id"] = scene.row("vote_submitted")["user_id"]


@plant("I2")
def one_command_made_two_rooms(scene):
    scene.logs.rooms["ZZZZZZ"] = dict(scene.room, code="ZZZZZZ")


@plant("I3")
def the_log_has_a_hole(scene):
    scene.rows.remove(scene.row("answer_submitted"))


@plant("I3")
def the_numbers_have_a_hole(scene):
    for row in scene.rows[-2:]:
        row["seq"] += 1


@plant("I7")
def an_owner_wrote_after_the_next_one(scene):
    scene.rows[3]["epoch"] = 2


@plant("I7")
def the_log_has_an_epoch_that_the_room_has_not(scene):
    scene.rows[-1]["epoch"] = 2


@plant("I7")
def two_nodes_wrote_in_one_epoch(scene):
    scene.owners.writers[scene.code][1] = {"node-0.1", "node-2.1"}


@plant("I7")
def an_epoch_was_claimed_twice(scene):
    scene.owners.claims[scene.code].append(Ownership(1, OTHER_NODE, 5.0))


@plant("I7")
def an_old_owner_speaks_after_the_new_one(scene):
    scene.room["epoch"] = 2
    for row in scene.rows[-3:]:
        row["epoch"] = 2
    first = scene.frame(scene.ben, "voting_started")
    scene.ben.history.append(("got", 1, scene.ben.history[-1][2], first))


@plant("I3")
def a_client_missed_an_event(scene):
    scene.forget(scene.ben, scene.frame(scene.ben, "voting_started"))


@plant("I3")
def a_client_got_an_event_twice(scene):
    index = next(
        i for i, entry in enumerate(scene.ben.history) if entry[0] == "got" and entry[3]["type"] == "voting_started"
    )
    scene.ben.history.insert(index, scene.ben.history[index])


@plant("I3")
def a_client_got_events_before_it_was_attached(scene):
    scene.forget(scene.ben, scene.ok(scene.ben, "join_room"))


@plant("I3")
def a_snapshot_goes_back(scene):
    state = copy.deepcopy(scene.ok(scene.ben, "join_room"))
    scene.ben.history.append(("sent", 1, scene.ben.history[-1][2], join(scene, "again")))
    scene.ben.history.append(("got", 1, scene.ben.history[-1][2], state | {"id": "again"}))


def join(scene, command_id):
    return {"type": "join_room", "id": command_id, "room_code": scene.code}


@plant("I3")
def a_resume_skips_an_event(scene):
    events = [each for each in scene_events(scene.ben) if each["seq"] > 2]
    resume(scene, scene.ben, last_seq=1, events=events)


@plant("I3")
def a_resume_ends_too_early(scene):
    events = [each for each in scene_events(scene.ben) if 1 < each["seq"] < 4]
    resume(scene, scene.ben, last_seq=1, events=events)


def scene_events(client):
    return [each for kind, _, _, each in client.history if kind == "got" and "seq" in each]


def resume(scene, client, *, last_seq, events):
    at, stream = client.history[-1][2], scene.room["stream"]
    command = {"type": "resume", "id": "back", "room_code": scene.code, "stream": stream, "last_seq": last_seq}
    now = {"connected": [], "submitted_count": 0, "participant_count": 0, "vote_counts": None}
    now["you"] = {"role": "player", "answer_id": None, "vote": None}
    ok = {"type": "ok", "id": "back", "recovered": True, "stream": stream, "events": events, "now": now}
    client.history += [("opened", 2, at, None), ("sent", 2, at, command), ("got", 2, at, ok)]


@plant("I1")
def a_resume_forgets_a_vote(scene):
    resume(scene, scene.ben, last_seq=scene.room["last_seq"], events=[])


@plant("I4")
def a_snapshot_has_a_wrong_score(scene):
    snapshot_at_the_end(scene)["state"]["members"][0]["score"] += 1


@plant("I4")
def a_snapshot_has_a_wrong_role(scene):
    snapshot_at_the_end(scene)["state"]["members"][2]["role"] = "spectator"


@plant("I4")
def a_snapshot_has_a_wrong_board(scene):
    snapshot_at_the_end(scene)["state"]["leaderboard"].pop()


@plant("I4")
def a_snapshot_has_a_vote_that_was_never_given(scene):
    you = {
        "role": "player",
        "answer_id": None,
        "vote": {"vote_id": str(uuid.UUID(int=1)), "answer_id": str(uuid.UUID(int=2))},
    }
    snapshot_at_the_end(scene)["state"]["you"] = you


def snapshot_at_the_end(scene):
    """A late client's."""
    room = an_evening()
    ok = {"type": "ok", "id": "late", **room._state_fields(room.host)}
    ok = json.loads(json.dumps(ok))
    at = scene.host.history[-1][2]
    scene.host.history += [("sent", 1, at, join(scene, "late")), ("got", 1, at, ok)]
    return ok


def test_a_late_snapshot_that_is_right_is_no_violation():
    scene = Scene()
    snapshot_at_the_end(scene)
    assert scene.found() == []


@plant("I5")
def the_room_says_another_phase_than_its_log(scene):
    scene.room["status"] = "results"


@plant("I5")
def the_room_says_another_host_than_its_log(scene):
    scene.room["host_id"] = scene.ben.user_id


@plant("I5")
def the_room_says_another_number_than_its_log(scene):
    scene.room["last_seq"] -= 1


@plant("I6")
def a_clock_ends_a_phase_before_its_deadline(scene):
    # One who was there all the time had not voted.
    scene.remove(scene.row("vote_submitted", 2))


@plant("I6")
def a_clock_ends_a_phase_far_too_late(scene):
    scene.remove(scene.row("vote_submitted", 2))
    ended = scene.row("round_ended")
    for row in scene.rows[scene.rows.index(ended) :]:
        row["server_time"] += 200_000


@plant("I6")
def one_who_is_not_the_host_ends_a_phase(scene):
    scene.row("voting_started").update(command_id="mine", user_id=scene.ben.user_id)


@plant("I6")
def a_deadline_moves_back(scene):
    index = scene.rows.index(scene.row("voting_started"))
    deadline = scene.row("game_started")["payload"]["deadline"] - 1
    changed = dict(scene.rows[index], type="deadline_changed", payload={"deadline": deadline}, seq=None)
    scene.rows.insert(index, changed)


@plant("I6")
def an_answer_counts_after_its_phase(scene):
    index = scene.rows.index(scene.row("answer_submitted", 2))
    scene.rows[index], scene.rows[index + 1] = scene.rows[index + 1], scene.rows[index]


@plant("I6")
def one_who_watches_plays(scene):
    scene.row("game_started")["payload"]["players"].append(scene.eve.user_id)


@plant("I6")
def one_who_watches_answers(scene):
    scene.row("answer_submitted", 1)["user_id"] = scene.eve.user_id


@plant("I6")
def one_who_got_a_seat_meanwhile_votes(scene):
    scene.row("vote_submitted", 4)["user_id"] = scene.eve.user_id


@plant("I5")
def the_voting_is_about_an_answer_that_nobody_gave(scene):
    scene.row("voting_started")["payload"]["order"][0] = str(uuid.UUID(int=7))


@plant("I6")
def a_round_starts_while_another_one_runs(scene):
    ended = scene.row("round_ended")
    scene.remove(ended)


@plant("I8")
def voting_shows_an_author(scene):
    answer = scene.frame(scene.ben, "voting_started")["answers"]
    other = next(each for each in answer if each["id"] != scene.ok(scene.ben, "submit_answer")["answer_id"])
    author = next(row["user_id"] for row in scene.rows if row["payload"].get("answer_id") == other["id"])
    other["by"] = author


@plant("I8")
def a_notice_shows_an_answer(scene):
    row = scene.row("answer_submitted")
    for notice in scene.frames(scene.ben, "answer_submitted")[:1]:
        notice["content"] = row["payload"]["content"]


@plant("I8")
def the_log_of_the_server_tells_an_answer(scene):
    scene.server_log = "submitted " + scene.row("answer_submitted")["payload"]["content"]


@plant("I8")
def the_log_of_the_server_links_an_answer_with_a_user(scene):
    row = scene.row("answer_submitted")
    scene.server_log = f"turn answer={row['payload']['answer_id']} user={row['user_id']}"


@plant("I9")
def a_command_gets_two_replies(scene):
    scene.ben.history.append(("got", 1, scene.ben.history[-1][2], scene.ok(scene.ben, "submit_vote")))


@plant("I9")
def a_command_gets_no_reply_on_a_connection_that_stays(scene):
    scene.forget(scene.ben, scene.ok(scene.ben, "submit_vote"))
    scene.ben.history.append(("ended", 1, scene.ben.history[-1][2] + 30, 1000))


@plant("I9")
def a_reply_is_late(scene):
    ok = scene.ok(scene.cleo, "leave_room")
    scene.cleo.history = [(k, c, at + 8 if f is ok else at, f) for k, c, at, f in scene.cleo.history]


@plant("I9")
def a_final_error_is_a_lie(scene):
    ok = scene.ok(scene.ben, "submit_vote")
    ok |= {"type": "error", "code": "wrong_phase", "retryable": False}


@plant("I9")
def a_retry_is_refused(scene):
    ok = scene.ok(scene.ben, "submit_vote")
    sent = next(each for kind, _, _, each in scene.ben.history if kind == "sent" and each["id"] == ok["id"])
    at = scene.ben.history[-1][2]
    error = {"type": "error", "id": ok["id"], "code": "stale_round", "retryable": False}
    scene.ben.history += [("sent", 1, at, sent), ("got", 1, at, error)]


@plant("I9")
def a_retry_gets_another_ok_than_the_first(scene):
    ok = scene.ok(scene.ben, "submit_vote")
    sent = next(each for kind, _, _, each in scene.ben.history if kind == "sent" and each["id"] == ok["id"])
    at = scene.ben.history[-1][2]
    scene.ben.history += [("sent", 1, at, sent), ("got", 1, at, ok | {"vote_id": str(uuid.UUID(int=3))})]


@plant("I9")
def replies_overtake_each_other(scene):
    at = scene.ben.history[-1][2]
    first, second = ({"type": "resume", "id": name, "room_code": scene.code} for name in ("a", "b"))
    scene.ben.history += [("sent", 1, at, first), ("sent", 1, at, second)]
    for name in ("b", "a"):
        error = {"type": "error", "id": name, "code": "not_member", "retryable": False}
        scene.ben.history.append(("got", 1, at, error))


@plant("I6")
def a_clock_ends_a_phase_that_is_paused(scene):
    scene.remove(scene.row("vote_submitted", 2))
    index = scene.rows.index(scene.row("round_ended"))
    scene.rows.insert(index, dict(scene.rows[index], type="game_paused", payload={"remaining_ms": 1}, seq=None))


def test_one_whose_connection_was_half_open_may_count_as_away():
    scene = Scene()
    scene.remove(scene.row("vote_submitted", 2))
    absent = next(client for client in scene.clients if client.user_id == scene.row("answer_submitted", 2)["user_id"])
    is_early = [what for what in scene.found() if "before the deadline" in what]
    absent.half_open = {1: absent.history[0][2] - 100.0}
    assert is_early
    assert not [what for what in scene.found() if "before the deadline" in what]


@pytest.mark.parametrize(
    ("node", "seconds", "may_be_away"), [(NODE, 100.0, True), (NODE, 2.0, False), (OTHER_NODE, 100.0, False)]
)
def test_one_whose_node_says_nothing_for_longer_than_the_grace_period_may_count_as_away(node, seconds, may_be_away):
    scene = Scene()
    scene.remove(scene.row("vote_submitted", 2))
    is_early = [what for what in scene.found() if "before the deadline" in what]
    scene.silences = {node: [(scene.began - seconds, scene.began + 0.1)]}
    assert is_early
    assert bool([what for what in scene.found() if "before the deadline" in what]) is not may_be_away


@plant("I10")
def another_node_refuses_while_one_is_down(scene):
    happens_while_the_other_node_is_down(scene, {"type": "error", "code": "unavailable", "retryable": True})


@plant("I10")
def another_node_closes_while_one_is_down(scene):
    scene.faults = [Fault("kill", scene.began + 1, scene.began + 90, {OTHER_NODE})]
    scene.ben.history.append(("ended", 1, scene.ben.history[-1][2], 1012))


@plant("I10")
def another_node_lets_nobody_in_while_one_is_down(scene):
    scene.faults = [Fault("leave", scene.began + 1, scene.began + 90, {OTHER_NODE})]
    scene.ben.history.append(("refused", 2, scene.ben.history[-1][2], (503, NODE)))


def test_a_node_that_is_down_may_let_nobody_in():
    scene = Scene()
    scene.faults = [Fault("leave", scene.began + 1, scene.began + 90, {OTHER_NODE})]
    scene.ben.history.append(("refused", 2, scene.ben.history[-1][2], (503, OTHER_NODE)))
    assert not [what for what in scene.found() if what.startswith("I10")]


def happens_while_the_other_node_is_down(scene, answer, *, kind="kill"):
    scene.faults = [Fault(kind, scene.began + 1, scene.began + 90, {OTHER_NODE})]
    at = scene.ben.history[-1][2]
    scene.ben.history += [("sent", 1, at, {"type": "react", "id": "r", "room_code": scene.code, "reaction": "fire"})]
    scene.ben.history += [("got", 1, at + 0.1, {"id": "r", **answer})]


def excused_by_a_member_elsewhere(scene):
    """Frames for that one come over a link."""
    scene.cleo.history[0] = ("opened", 1, scene.cleo.history[0][2], OTHER_NODE)


def excused_by_a_change_of_owner(scene):
    scene.owners.claims[scene.code].append(Ownership(2, NODE, scene.began + 2))


def excused_by_what_came_before(scene):
    scene.faults.append(Fault("stop", scene.began - 9, scene.began - 5, {NODE}))


@pytest.mark.parametrize(
    "excuse", [excused_by_a_member_elsewhere, excused_by_a_change_of_owner, excused_by_what_came_before]
)
def test_who_has_to_do_with_what_is_broken_may_notice(excuse):
    scene = Scene()
    happens_while_the_other_node_is_down(scene, {"type": "error", "code": "unavailable", "retryable": True})
    excuse(scene)
    assert not [what for what in scene.found() if what.startswith("I10")]


@plant("I14")
def a_later_command_is_before_an_earlier_one(scene):
    first, second = scene.row("answer_submitted"), scene.row("answer_submitted", 1)
    first["command_id"], second["command_id"] = second["command_id"], first["command_id"]
    first["user_id"], second["user_id"] = second["user_id"], first["user_id"]


@plant("I14")
def one_is_shown_what_others_have_passed(scene):
    old = copy.deepcopy(scene.ok(scene.ben, "join_room"))
    at = scene.ben.history[-1][2]
    scene.eve.history += [("sent", 1, at + 1, join(scene, "look")), ("got", 1, at + 2, old | {"id": "look"})]


@plant("I14")
def a_vote_is_from_before_it_was_given(scene):
    scene.row("vote_submitted")["server_time"] -= 3_000


@plant("I14")
def a_vote_is_from_after_it_was_acknowledged(scene):
    scene.row("vote_submitted")["server_time"] += 300


@plant("I14")
def somebody_is_told_a_time_that_has_not_come(scene):
    scene.frame(scene.ben, "welcome")["server_time"] = int((scene.began + OFFSET) * 1000) + 300


def test_a_node_that_sleeps_may_answer_when_it_wakes_and_no_other():
    scene = Scene()
    a_reply_is_late(scene)
    at = next(at for _, _, at, frame in scene.cleo.history if frame is scene.ok(scene.cleo, "leave_room"))
    scene.silences = {OTHER_NODE: [(at - 8, at)]}
    assert any(what.startswith("I9") for what in scene.found())
    scene.silences = {NODE: [(at - 8, at)]}
    assert not any(what.startswith("I9") for what in scene.found())


@pytest.mark.parametrize("name", PLANTED)
def test_it_is_found_that(name):
    number, spoil = PLANTED[name]
    scene = Scene()
    spoil(scene)
    found = scene.found()
    assert any(what.startswith(number) for what in found), found


def test_an_order_of_answers_that_tells_when_they_came_is_found():
    rows = {}
    clients = []
    rooms = {}
    for seed in range(20):
        room = an_evening(seed)
        logs = room.logs()
        for row in logs.rows[room.room_code]:
            if row["type"] == "voting_started":
                given = [each["payload"]["answer_id"] for each in logs.rows[room.room_code] if is_answer_of(each, row)]
                row["payload"]["order"] = given
        rows |= logs.rows
        rooms |= logs.rooms
        clients += room.clients.values()
    found = violations(clients, Logs(rooms, rows))
    assert any("tells the time" in what for what in found)


def is_answer_of(row, voting) -> bool:
    return row["type"] == "answer_submitted" and row["round_id"] == voting["round_id"]
