"""Servers that are not as the specification says: a proxy before a right one that changes what it passes on."""

import asyncio
import io
import json
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import WSMsgType, web

from votegame.conformance.completion import extended

HOP_BY_HOP = {"connection", "upgrade", "transfer-encoding", "content-length", "host", "keep-alive", "content-encoding"}


class Deviation:
    """What is different; by itself, nothing."""

    def __init__(self) -> None:
        self.memory: dict = {}

    def told(self, frame: dict, line: "Line") -> list[dict]:
        """What the client is sent in place of a frame."""
        return [frame]

    def closed(self, code: int) -> int:
        return code

    def answered(self, status: int, body: dict) -> tuple[int, dict]:
        """What a call is answered by."""
        return status, body

    def headed(self, headers: dict[str, str]) -> dict[str, str]:
        """The headers of the answer to a call."""
        return headers


class Line:
    """One connection through the proxy."""

    def __init__(self) -> None:
        self.held: list[dict] = []
        self.commands: dict[str, dict] = {}

    def command(self, frame: dict) -> dict:
        return self.commands.get(frame.get("id"), {})


@asynccontextmanager
async def deviating(url: str, deviation: Deviation):
    """The URL of a server that deviates from the one at `url`."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True) as http:
        proxy = Proxy(http, url, deviation)
        app = web.Application(client_max_size=4_000_000)
        app.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


class Proxy:
    def __init__(self, http: aiohttp.ClientSession, url: str, deviation: Deviation) -> None:
        self._http, self._url, self._deviation = http, url, deviation

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        if request.path == "/ws":
            return await self._socket(request, headers)
        body = io.BytesIO(await request.read())
        async with self._http.request(
            request.method, self._url + request.path_qs, headers=headers, data=body
        ) as answer:
            status, content = self._deviation.answered(answer.status, await answer.json(content_type=None))
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            return web.Response(status=status, body=json.dumps(content), headers=self._deviation.headed(kept))

    async def _socket(self, request: web.Request, headers: dict) -> web.StreamResponse:
        headers = {name: value for name, value in headers.items() if not name.lower().startswith("sec-")}
        opening = self._http.ws_connect(f"{self._url}/ws", headers=headers, protocols=["votegame.v1"])
        try:
            server = await opening
        except aiohttp.WSServerHandshakeError as error:
            return web.Response(status=error.status)
        async with server:
            client = web.WebSocketResponse(protocols=["votegame.v1"])
            await client.prepare(request)
            line = Line()
            up = asyncio.create_task(self._up(client, server, line))
            await self._down(client, server, line)
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
            return client

    async def _up(self, client, server, line: Line) -> None:
        async for message in client:
            if message.type is WSMsgType.TEXT:
                frame = json.loads(message.data)
                line.commands[frame["id"]] = frame
                await server.send_str(message.data)
        await server.close()

    async def _down(self, client, server, line: Line) -> None:
        async for message in server:
            if message.type is WSMsgType.TEXT:
                for frame in self._deviation.told(json.loads(message.data), line):
                    await client.send_str(json.dumps(frame))
        if server.close_code not in {None, 1000, 1006}:
            await client.close(code=self._deviation.closed(server.close_code))


class Later(Deviation):
    """A later version: it adds, which it may, and what it has added does not stay the same."""

    def told(self, frame, line):
        n = self.memory["n"] = self.memory.get("n", 0) + 1
        frame = extended(frame)
        for state in (frame.get("state"), *(frame.get("state") or {}).get("members", ())):
            if state is not None:
                state["n_frames"] = n
        invitation = {"type": "invited", "room_code": "XYZ234"}
        return [{"type": "weather_changed", "wind": "NNW"}, invitation, frame]

    def answered(self, status, body):
        return status, extended(body)


class NumbersSkip(Deviation):
    def told(self, frame, line):
        return [{**frame, "seq": frame["seq"] + 1} if frame.get("seq", 0) > 3 else frame]


class ReplyAfterItsEvent(Deviation):
    def told(self, frame, line):
        if line.command(frame).get("type") == "start_game":
            line.held.append(frame)
            return []
        held, line.held = line.held, []
        return [frame, *held]


class WrongCode(Deviation):
    def told(self, frame, line):
        return [{**frame, "code": "not_found"} if frame.get("code") == "self_vote" else frame]


class AuthorsShownEarly(Deviation):
    """Answers come with their authors."""

    def told(self, frame, line):
        if frame["type"] == "ok" and line.command(frame).get("type") == "submit_answer":
            self.memory[frame["answer_id"]] = self.memory[line]
        if frame["type"] == "welcome":
            self.memory[line] = frame["user"]["id"]
        if frame["type"] == "voting_started":
            self.show(frame, {answer["id"]: self.memory[answer["id"]] for answer in frame["answers"]})
        return [frame]

    def show(self, frame, authors: dict):
        for answer in frame["answers"]:
            answer["author"] = authors[answer["id"]]


class AuthorsBesideTheAnswers(AuthorsShownEarly):
    """In a list of their own, in the same order."""

    def show(self, frame, authors: dict):
        frame.update(self.beside(authors))

    def beside(self, authors: dict) -> dict:
        return {"authors": list(authors.values())}


class AnswersByAuthors(AuthorsBesideTheAnswers):
    def beside(self, authors):
        return {"by": {user: answer_id for answer_id, user in authors.items()}}


class AnswersInTheOrderOfSeats(AuthorsBesideTheAnswers):
    """As of a server that goes through its players when it begins to vote."""

    def told(self, frame, line):
        for member in frame.get("state", {}).get("members", ()):
            self.memory.setdefault(("seat", member["user_id"]), len(self.memory))
        if frame["type"] == "voting_started":
            seats = {answer["id"]: self.memory["seat", self.memory[answer["id"]]] for answer in frame["answers"]}
            frame["answers"].sort(key=lambda answer: seats[answer["id"]])
            return [frame]
        return super().told(frame, line)


class AnswersShownEarly(Deviation):
    """Whoever has not answered yet can read what others have."""

    def told(self, frame, line):
        if line.command(frame).get("type") == "submit_answer":
            self.memory["answer"] = line.command(frame)["answer"]
        return [{**frame, "answer": self.memory["answer"]} if frame["type"] == "answer_submitted" else frame]


class AuthorsShownOverHttp(Deviation):
    """Whoever reads the answers by a call reads who wrote them."""

    def answered(self, status, body):
        if "user" in body:
            self.memory.setdefault("who", body["user"]["id"])
        for answer in body.get("answers", ()):
            answer["by"] = self.memory["who"]
        return status, body


class RetryGetsAnotherId(Deviation):
    def told(self, frame, line):
        if "answer_id" in frame and frame["type"] == "ok":
            n = self.memory[frame["id"]] = self.memory.get(frame["id"], 0) + 1
            return [{**frame, "answer_id": f"{n:08x}{frame['answer_id'][8:]}"} if n > 1 else frame]
        return [frame]


class ResumeLosesAnEvent(Deviation):
    def told(self, frame, line):
        return [{**frame, "events": frame["events"][1:]} if frame.get("recovered") else frame]


class HostIsNotReplaced(Deviation):
    def told(self, frame, line):
        return [] if frame["type"] == "host_changed" else [frame]


class WrongCloseCode(Deviation):
    def closed(self, code):
        return 1001


class LetsUnknownVersionsIn(Deviation):
    """As every proxy here does: it speaks v1 to the server, whatever the client has offered."""


class ClosesWithItsOwnCode(Deviation):
    def closed(self, code):
        return 4000


class SaysTooMuch(Deviation):
    """An event that fits, but that nothing has caused."""

    def told(self, frame, line):
        if frame["type"] != "game_ended":
            return [frame]
        extra = {"type": "room_unlocked", "room_code": frame["room_code"], "server_time": frame["server_time"]}
        return [frame, {**extra, "seq": frame["seq"] + 1}]


class WrongScore(Deviation):
    def told(self, frame, line):
        if frame["type"] != "round_ended":
            return [frame]
        first, *rest = frame["leaderboard"]
        return [{**frame, "leaderboard": [{**first, "score": first["score"] + 1}, *rest]}]


class MissingField(Deviation):
    def told(self, frame, line):
        if frame["type"] == "game_started":
            del frame["deadline"]
        return [frame]


class AnswersInTheOrderTheyCame(Deviation):
    def told(self, frame, line):
        if frame["type"] == "ok" and "answer_id" in frame:
            self.memory[frame["answer_id"]] = len(self.memory)
        if frame["type"] == "voting_started":
            frame["answers"].sort(key=lambda answer: self.memory[answer["id"]])
        return [frame]


class SecondReply(Deviation):
    def told(self, frame, line):
        return [frame, frame] if frame["type"] == "ok" and "vote_id" in frame else [frame]


class NoReply(Deviation):
    def told(self, frame, line):
        return [] if line.command(frame).get("type") == "submit_vote" else [frame]


class EventIsNotTheSameForAll(Deviation):
    def told(self, frame, line):
        if frame["type"] == "round_started":
            frame["question"] += " " * len(self.memory)
            self.memory[line] = True
        return [frame]


class EventComesTwice(Deviation):
    def told(self, frame, line):
        return [frame, frame] if frame["type"] == "round_ended" else [frame]


class NoticeNamesWho(Deviation):
    def told(self, frame, line):
        if frame["type"] == "welcome":
            self.memory.setdefault("who", frame["user"]["id"])
        return [{**frame, "user_id": self.memory["who"]} if frame["type"] == "answer_submitted" else frame]


class ClockRunsAway(Deviation):
    def told(self, frame, line):
        if "server_time" in frame and frame["type"] == "round_ended":
            frame["server_time"] += 60_000
        return [frame]


class SnapshotsTellAnotherTime(Deviation):
    def told(self, frame, line):
        if "state" in frame:
            frame["state"]["server_time"] += 60_000
        return [frame]


class TimesHaveAFraction(Deviation):
    """`1767225600123.0`, which is an integer to JSON Schema, and to few others."""

    def told(self, frame, line):
        return [{**frame, "server_time": float(frame["server_time"])} if frame["type"] == "player_joined" else frame]


class WelcomesSomebodyElse(Deviation):
    def told(self, frame, line):
        return [
            {**frame, "user": self.memory.setdefault("user", frame["user"])} if frame["type"] == "welcome" else frame
        ]


class SettingsAreNotWhatWasSet(Deviation):
    def told(self, frame, line):
        if line.command(frame).get("type") == "update_settings" and frame["type"] == "ok":
            frame["settings"]["vote_seconds"] += 1
        return [frame]


class ResumesWithAnOldSnapshot(Deviation):
    def told(self, frame, line):
        if frame.get("recovered") is False:
            frame["state"]["round"]["deadline"] -= 1_000
        return [frame]


class DeadlinesLoseTheirLength(Deviation):
    def told(self, frame, line):
        return [{**frame, "time_limit": 1} if frame["type"] == "deadline_changed" else frame]


class SnapshotIsNotWhatWasTold(Deviation):
    def told(self, frame, line):
        if frame.get("state", {}).get("round"):
            frame["state"]["members"][0]["score"] += 1
        return [frame]


class CountsAreWrong(Deviation):
    def told(self, frame, line):
        return [{**frame, "participant_count": 7} if frame["type"] == "player_joined" else frame]


class StaysToldAfterLeaving(Deviation):
    def told(self, frame, line):
        extra = [{**frame, "type": "room_locked", "seq": frame["seq"] + 1}] if frame["type"] == "player_left" else []
        return [frame, *extra]


class IgnoresKeys(Deviation):
    """Over HTTP a retry is a command of its own."""

    def answered(self, status, body):
        if "room_code" in body and status == 201:
            self.memory[len(self.memory)] = True
            body["room_code"] = "XYZ234" if len(self.memory) > 1 else body["room_code"]
        return status, body


class ProblemsWithoutCode(Deviation):
    def answered(self, status, body):
        return status, {"message": "No!"} if status >= 400 else body


class ErrorsLackDetails(Deviation):
    def told(self, frame, line):
        return [{name: value for name, value in frame.items() if name != "phase" or frame["type"] != "error"}]


class RefusalsAreRetryable(Deviation):
    def told(self, frame, line):
        return [{**frame, "retryable": True} if frame["type"] == "error" else frame]


class AnswersLackAField(Deviation):
    def answered(self, status, body):
        if "state" in body:
            del body["state"]["locked"]
        return status, body


class SnapshotsOverHttpAreOthers(Deviation):
    def answered(self, status, body):
        if "state" in body:
            body["state"]["locked"] = not body["state"]["locked"]
        return status, body


class ClockOverHttpIsAnother(Deviation):
    def answered(self, status, body):
        if "state" in body:
            self.memory["n"] = self.memory.get("n", 0) + 60_000
            body["state"]["server_time"] += self.memory["n"]
        return status, body


class AnswersAreNoJson(Deviation):
    """They are, but do not say so: many clients then refuse to read them."""

    def headed(self, headers):
        return {**headers, "Content-Type": "text/html; charset=utf-8"}


class WrongStatus(Deviation):
    def answered(self, status, body):
        return 200 if status == 201 and "user" not in body else status, body


DEVIATIONS = [
    (NumbersSkip, "whole_game", "seq"),
    (ReplyAfterItsEvent, "whole_game", "before the reply"),
    (WrongCode, "refusals_playing", "expected 'self_vote'"),
    (AuthorsShownEarly, "whole_game", "links an answer and a user"),
    (AuthorsBesideTheAnswers, "whole_game", "`voting_started` never says who"),
    (AnswersByAuthors, "whole_game", "`voting_started` never says who"),
    (AnswersShownEarly, "whole_game", "before voting"),
    (AuthorsShownOverHttp, "http_only", "links an answer and a user"),
    (RetryGetsAnotherId, "retry", "answer_id: expected"),
    (ResumeLosesAnEvent, "resume_recovered", "does not fit what was told before"),
    (HostIsNotReplaced, "host_away", "host_changed"),
    (WrongCloseCode, "accounts", "closed with 1001"),
    (LetsUnknownVersionsIn, "handshake", "it let the client in"),
    (ClosesWithItsOwnCode, "replaced", "closed with 4000"),
    (SaysTooMuch, "http_and_sockets", "a frame too much"),
    (WrongScore, "whole_game", "score: expected 2, came 3"),
    (MissingField, "whole_game", "'deadline' is a required property"),
    (AnswersInTheOrderTheyCame, "anonymity", "in the order in which they were submitted"),
    (AnswersInTheOrderOfSeats, "anonymity", "in the order in which their authors joined"),
    (SecondReply, "whole_game", "a second one"),
    (NoReply, "whole_game", "nothing in time"),
    (EventIsNotTheSameForAll, "whole_game", "not the same for everyone"),
    (EventComesTwice, "whole_game", "holes"),
    (NoticeNamesWho, "whole_game", "never says who"),
    (ClockRunsAway, "whole_game", "60 s off"),
    (SnapshotsTellAnotherTime, "whole_game", "60 s off"),
    (TimesHaveAFraction, "whole_game", "is not of type 'integer'"),
    (WelcomesSomebodyElse, "late_join", "another user"),
    (SettingsAreNotWhatWasSet, "own_questions", "settings: expected"),
    (ResumesWithAnOldSnapshot, "resume_snapshot", "round.deadline"),
    (DeadlinesLoseTheirLength, "hosting", "round.time_limit"),
    (SnapshotIsNotWhatWasTold, "whole_game", "members[0].score"),
    (CountsAreWrong, "whole_game", "participant_count"),
    (StaysToldAfterLeaving, "hosting", "after the room was left"),
    (IgnoresKeys, "http_only", "room_code: expected"),
    (ProblemsWithoutCode, "refusals_http", "code: expected"),
    (ErrorsLackDetails, "refusals_playing", "`wrong_phase` must have it"),
    (RefusalsAreRetryable, "refusals_joining", "retryable: `room_not_found`"),
    (AnswersLackAField, "http_only", "'locked' is a required property"),
    (SnapshotsOverHttpAreOthers, "whole_game", "over HTTP locked: expected False, came True"),
    (ClockOverHttpIsAnother, "http_only", "60 s off"),
    (AnswersAreNoJson, "http_only", "Content-Type: expected application/json"),
    (WrongStatus, "http_only", "status: expected 201, came 200"),
]
"""What is different, a story that shows it, and what must be said of it."""

SILENT = {HostIsNotReplaced, NoReply}
"""Those that are found by nothing coming."""
