"""Clients that are not as the specification says, one thing each."""

import asyncio
import json

from tests.scenarios.reference_client import ReferenceClient


class RetriesWithAnotherId(ReferenceClient):
    def again(self, command):
        return {**command, "id": self.new_id()}


class RetriesWithOtherContent(ReferenceClient):
    def again(self, command):
        return {**command, "answer": command["answer"] + "!"}


class ForgetsWhatHadNoReply(ReferenceClient):
    async def welcomed(self):
        self.pending.clear()
        await super().welcomed()


class RepeatsReactions(ReferenceClient):
    def is_repeated(self, command):
        return True


class ResumesFromTheBeginning(ReferenceClient):
    def position(self):
        return {"stream": self.stream, "last_seq": 0}


class KeepsTheOldStream(ReferenceClient):
    def attached(self, ok):
        first, self.first = getattr(self, "first", ""), self.fold.state.get("stream", "")
        super().attached(ok)
        if first or self.first:
            self.fold.state["stream"] = first or self.first


class JoinsInsteadOfResuming(ReferenceClient):
    async def resume(self):
        await self.transmit({"type": "join_room", "id": self.new_id(), "room_code": self.room_code})


class ComesBackAfterAStop(ReferenceClient):
    async def comes_back(self, code):
        await asyncio.sleep(0.2)
        return True


class StaysAway(ReferenceClient):
    async def comes_back(self, code):
        return code in {1001, 1006}


class ComesBackAtOnce(ReferenceClient):
    async def comes_back(self, code):
        return True


class TakesOverloadForARestart(ReferenceClient):
    LATER_SECONDS = (0.0, 0.02)


class DoesNotWaitAsTold(ReferenceClient):
    async def refused(self, error):
        await super().refused({**error, "retry_after": 0.0})


class RepeatsWhatWasRefused(ReferenceClient):
    async def refused(self, error):
        if error["id"] in self.pending:
            self.later(self.retry(self.pending[error["id"]], 0.1))


class SendsBinaryFrames(ReferenceClient):
    async def transmit(self, command):
        await self.socket.send_bytes(json.dumps(command).encode())


class UsesAnIdTwice(ReferenceClient):
    def new_id(self):
        return "1"


class UsesLongIds(ReferenceClient):
    def new_id(self):
        return super().new_id() * 2


class ForgetsTheRound(ReferenceClient):
    def made(self, command):
        return {name: value for name, value in command.items() if name != "round_id"}


class SendsNumbersAsText(ReferenceClient):
    def made(self, command):
        settings = {name: str(value) for name, value in command.get("settings", {}).items()}
        return {**command, "settings": settings} if settings else command


class CannotReadWhatIsNew(ReferenceClient):
    async def take(self, frame):
        if frame["type"] == "weather_changed":
            await self.socket.close()
        await super().take(frame)


class DoesNotCountWhatIsNew(ReferenceClient):
    async def told(self, frame):
        if frame["type"] != "weather_changed":
            await super().told({**frame, "seq": self.fold.seq + 1} if "seq" in frame else frame)


class FoldsTwice(ReferenceClient):
    """Takes an event that comes twice for two, and is wrong about who is there."""

    async def told(self, frame):
        if frame.get("seq") == self.fold.seq:
            self.fold.state["members"].pop()
        await super().told(frame)


class OverlooksHoles(ReferenceClient):
    async def hole(self, frame):
        self.fold.take({**frame, "seq": self.fold.seq + 1})


class ForgetsNow(ReferenceClient):
    def attached(self, ok):
        if ok.get("recovered"):
            for event in ok["events"]:
                self.fold.take(event)
        else:
            super().attached(ok)


class OverlooksTheHost(ReferenceClient):
    async def told(self, frame):
        host = self.fold.state["host_id"]
        await super().told(frame)
        if frame["type"] == "host_changed":
            self.fold.state["host_id"] = host


class Overlooks(ReferenceClient):
    """An event or a notice, of which it takes the number alone."""

    KIND = ""

    async def told(self, frame):
        await super().told({**frame, "type": "weather_changed"} if frame["type"] == self.KIND else frame)


def overlooks(kind):
    return type(f"Overlooks {kind}", (Overlooks,), {"KIND": kind})


class AsksAgainAtOnce(ReferenceClient):
    """When the server could not tell."""

    async def refused(self, error):
        if error["code"] == "unavailable":
            self.later(self.retry(self.pending[error["id"]], 0.0))
        else:
            await super().refused(error)


class AddsVotesUpWrongly(ReferenceClient):
    async def told(self, frame):
        await super().told(frame)
        if frame["type"] == "round_ended":
            for member in self.fold.state["members"]:
                member["score"] += 1


class OverlooksThatItWasFlagged(ReferenceClient):
    async def told(self, frame):
        if frame["type"] != "answer_flagged":
            await super().told(frame)


class TakesALateOkForAnAnswer(ReferenceClient):
    """Believes each `ok`, also of an answer that it knows to be flagged."""

    async def taken(self, ok):
        if "answer_id" in ok:
            self.fold.state["you"].pop("answer_flagged", None)
        await super().taken(ok)


class AnswersNoPings(ReferenceClient):
    def options(self):
        return {"autoping": False}


class SaysMoreThanItShould(ReferenceClient):
    async def told(self, frame):
        await super().told(frame)
        if frame["type"] == "game_started":
            await self.transmit({"type": "start_voting", "id": self.new_id(), "room_code": self.room_code})


class MakesAGuestEachTime(ReferenceClient):
    """Throws its login away with the connection, and its seat with it."""

    async def one_connection(self):
        async with self.http.post(f"{self.url}/api/auth/guest", json={"display_name": "Ben"}):
            pass
        return await super().one_connection()


DEVIATIONS = [
    (MakesAGuestEachTime, "client_comes_back", "another guest"),
    (RetriesWithAnotherId, "client_lost_reply", "id: expected"),
    (RetriesWithOtherContent, "client_lost_reply", "answer: expected 'only once'"),
    (ForgetsWhatHadNoReply, "client_lost_reply", "did not send the command"),
    (RepeatsReactions, "client_reacts", "reaction: expected 'fire'"),
    (ResumesFromTheBeginning, "resume_recovered", "last_seq: expected 3, came 0"),
    (KeepsTheOldStream, "client_new_stream", "stream: expected"),
    (JoinsInsteadOfResuming, "resume_recovered", "type: expected 'resume', came 'join_room'"),
    (ComesBackAfterAStop, "client_replaced", "where nothing was due"),
    (StaysAway, "client_comes_back", "did not connect"),
    (ComesBackAtOnce, "client_comes_back", "comes back at once"),
    (TakesOverloadForARestart, "client_overloaded", "it waited"),
    (DoesNotWaitAsTold, "client_waits", "it waited"),
    (RepeatsWhatWasRefused, "client_refused", "where nothing was due"),
    (SendsBinaryFrames, "whole_game", "it is binary"),
    (UsesAnIdTwice, "whole_game", "was used before"),
    (UsesLongIds, "whole_game", "id:"),
    (ForgetsTheRound, "whole_game", "'round_id' is a required property"),
    (SendsNumbersAsText, "client_host", "settings.total_rounds:"),
    (CannotReadWhatIsNew, "client_unknown", "in its place: the end of the connection"),
    (DoesNotCountWhatIsNew, "client_unknown", "seq: expected"),
    (FoldsTwice, "client_missed_events", "members"),
    (OverlooksHoles, "client_hole", "did not send the command"),
    (ForgetsNow, "client_missed_events", "submitted_count"),
    (OverlooksTheHost, "client_hole", "host_id"),
    (overlooks("role_changed"), "client_company", "role"),
    (overlooks("player_connection"), "client_company", "connected"),
    (overlooks("room_locked"), "client_host", "locked"),
    (overlooks("game_resumed"), "client_host", "remaining_ms"),
    (overlooks("deadline_changed"), "client_host", "round.deadline"),
    (AsksAgainAtOnce, "client_waits", "it waited"),
    (AddsVotesUpWrongly, "whole_game", "score"),
    (OverlooksThatItWasFlagged, "client_flagged", "answer_flagged"),
    (TakesALateOkForAnAnswer, "client_flagged", "you.answer_id"),
    (AnswersNoPings, "late_join", "ping was not answered"),
    (SaysMoreThanItShould, "whole_game", "start_voting"),
]
"""What is different, a story that shows it, and what must be said of it."""
