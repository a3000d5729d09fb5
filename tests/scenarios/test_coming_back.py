"""Whoever goes away and comes back, in whatever phase and in whatever way, sees what one sees who never left."""

import asyncio
import json

import pytest

from tests.scenarios.test_stories import answer_all, start
from votegame.client.fold import RoomFold


class Watcher:
    """Folds all that a talker is told."""

    def __init__(self, talker, ok) -> None:
        self.fold = RoomFold(talker.user_id)
        self.fold.take_ok(ok)
        self._talker = talker
        self._n_folded = len(talker.frames)

    async def catch_up(self) -> dict:
        """The room as it is once a `ping` was answered."""
        await self._talker.say("ping")
        for frame in self._talker.frames[self._n_folded :]:
            if "room_code" in frame and frame["type"] not in {"ok", "error"}:
                self.fold.take(frame)
        self._n_folded = len(self._talker.frames)
        return self.fold.state

    @property
    def position(self) -> dict:
        return {"stream": self.fold.state["stream"], "last_seq": self.fold.seq}


def seen(state) -> dict:
    """What is the same for one who stayed: all but the time, and what is one's own."""
    return {name: value for name, value in state.items() if name not in {"server_time", "you"}}


async def to_answering(members) -> str:
    return await start(members)


async def to_voting(members) -> str:
    round_id = await to_answering(members)
    await answer_all(members, round_id)
    return round_id


async def to_results(members) -> str:
    round_id = await to_voting(members)
    await members[0].say("end_round", round_id=round_id)
    return round_id


async def to_finished(members) -> str:
    await to_results(members)
    round_id = (await members[0].say("next_round"))["round_id"]
    await members[0].say("end_round", round_id=round_id)
    return round_id


async def stay(_members) -> str:
    return ""


PHASES = {
    "lobby": stay,
    "answering": to_answering,
    "voting": to_voting,
    "results": to_results,
    "finished": to_finished,
}


@pytest.mark.parametrize("phase", PHASES)
async def test_a_page_that_is_loaded_anew_shows_what_it_showed(table, phase):
    members = await table(3, total_rounds=2)
    stayed = Watcher(members[1], await members[1].say("join_room"))
    await PHASES[phase](members)
    tab = await members[1].another()
    state = (await tab.say("join_room"))["state"]
    assert state["phase"] == phase
    assert seen(state) == seen(await stayed.catch_up())
    assert state["you"]["answer_id"] is None or phase != "answering"


@pytest.mark.parametrize("phase", [name for name in PHASES if name != "lobby"])
async def test_a_lost_connection_misses_nothing(table, phase):
    members = await table(3, total_rounds=2)
    lost = members[2]
    behind = Watcher(lost, await lost.say("join_room"))
    stayed = Watcher(members[1], await members[1].say("join_room"))
    await PHASES[phase](members)
    # What it was sent since the lobby is lost with it.
    await lost.close()
    back = await lost.another()
    ok = await back.say("resume", **behind.position)
    assert ok["recovered"] is True
    behind.fold.take_ok(ok)
    assert seen(behind.fold.state) == seen(await stayed.catch_up())
    again = await back.say("resume", stream=ok["stream"], last_seq=behind.fold.seq)
    assert again["events"] == []


async def test_who_leaves_after_answering_leaves_his_answer_and_his_points(table):
    members = await table(4, total_rounds=1)
    host, second, third, leaver = members
    round_id = await start(members)
    ids = {}
    for member in (leaver, host, second):
        ok = await member.say("submit_answer", round_id=round_id, answer=f"by {member.user_id[:4]}")
        ids[member.user_id] = ok["answer_id"]
    assert (await leaver.say("leave_room"))["type"] == "ok"
    # The others do not wait for him; the last of them ends the phase.
    await third.say("submit_answer", round_id=round_id, answer="last")
    voting = await host.until("voting_started")
    assert len(voting["answers"]) == 4
    for member in (host, second, third):
        await member.say("submit_vote", round_id=round_id, answer_id=ids[leaver.user_id])
    board = (await third.until("game_ended"))["final_leaderboard"]
    assert (board[0]["user_id"], board[0]["score"], board[0]["rank"]) == (leaver.user_id, 3, 1)
    # He is told nothing of it, and may not look.
    assert (await leaver.say("resume", stream=host.welcome["connection_id"], last_seq=0))["code"] == "not_member"
    assert leaver.frames[-1]["type"] == "error"
    assert "voting_started" not in {frame["type"] for frame in leaver.frames}
    # Joining again he has his points, and no second answer.
    state = (await leaver.join(host.room_code))["state"]
    assert next(one for one in state["members"] if one["user_id"] == leaver.user_id)["score"] == 3


async def test_nothing_that_others_are_told_links_an_answer_with_its_author(table):
    members = await table(4, total_rounds=1)
    round_id = await start(members)
    contents = {}
    for index, member in enumerate(members):
        contents[member.user_id] = f"a secret that number {index} has"
        await member.say("submit_answer", round_id=round_id, answer=contents[member.user_id])
    for member in members:
        await member.until("voting_started")
        await member.say("join_room")
        await (await member.another()).say("join_room")
    everything = [(member.user_id, text) for member in (*members, *tabs(members)) for text in member.texts]
    for reader, text in everything:
        for author, content in contents.items():
            if author == reader or content not in text:
                continue
            frame = json.loads(text)
            shown = frame["answers"] if frame["type"] == "voting_started" else frame["state"]["round"]["answers"]
            (entry,) = [one for one in shown if one["content"] == content]
            assert entry.keys() <= {"id", "content", "vote_count"}
            assert text.count(content) == 1
            assert text.count(entry["id"]) == 1
    orders = {
        tuple(one["id"] for one in json.loads(text)["answers"]) for _, text in everything if "voting_started" in text
    }
    assert len(orders) == 1


def tabs(members):
    """The other connections of the same users."""
    users = {member.user_id for member in members}
    return [each for each in members[0].opened if each.user_id in users and each not in members]


async def test_a_lost_answer_is_sent_again_over_another_connection_and_counts_once(table):
    members = await table(2, total_rounds=1)
    round_id = await start(members)
    answer = {"type": "submit_answer", "id": "mine", "room_code": members[0].room_code, "round_id": round_id}
    await members[1].tell(answer | {"answer": "Once"})
    # Its reply is never read.
    await members[1].close()
    back = await members[1].another()
    first, second = await asyncio.gather(
        back.say("submit_answer", id="mine", round_id=round_id, answer="Once"),
        members[0].until("answer_submitted"),
    )
    assert first["type"] == "ok"
    assert second["submitted_count"] == 1
    await members[0].say("end_round", round_id=round_id)
    results = (await members[0].until("round_ended"))["results"]
    assert [one["answer_id"] for one in results] == [first["answer_id"]]
