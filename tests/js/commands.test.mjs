// Commands: what they resolve with, how they fail, when they are sent again, and what waits how long for what.

import assert from "node:assert/strict";
import { test } from "node:test";
import { VotegameError } from "../../votegame/static/votegame-client.js";
import { aClient, BEN, example, given, heard, inside, ROOM, settled, state, TOKEN, WELCOME } from "./support.mjs";

const clock = (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1767225600000 });
  return (ms) => t.mock.timers.tick(ms);
};
const code = (wanted) => (error) => error instanceof VotegameError && error.code === wanted;

test("a guest is made once, and his token is sent first", async () => {
  const user = { ...BEN, guest: true };
  const { client, all, http } = aClient({
    storage: null, answers: { "/api/auth/guest": { status: 201, body: { user, token: TOKEN } } },
  });
  await assert.rejects(client.connect(), code("unauthenticated"));
  assert.deepEqual(await client.guest("Ben"), user);
  assert.deepEqual(http.calls[0].body, { display_name: "Ben" });
  const welcomed = client.connect();
  assert.deepEqual([all.latest.url, all.latest.protocols], ["ws://play.example/ws", ["votegame.v1"]]);
  all.latest.welcomes();
  await welcomed;
  assert.equal(all.latest.sent[0].token, TOKEN);
  assert.deepEqual([client.user, client.limits, client.status], [user, WELCOME.limits, { state: "open" }]);
});

test("a command resolves with its ok, and its event is told after it", async () => {
  const { client, all, room } = await inside();
  const frames = heard(client, "room_locked");
  const locked = room.lockRoom();
  all.latest.oks("lock_room", {});
  assert.equal((await locked).type, "ok");
  assert.equal(room.state.locked, false);
  all.latest.says({ type: "room_locked", room_code: ROOM, seq: room.state.seq + 1 });
  assert.equal(room.state.locked, true);
  assert.equal(frames.length, 1);
});

test("a command names the round that is shown, and its reply changes what one has done", async () => {
  const { all, room } = await inside(state("voting"));
  const [, , other] = room.state.round.answers;
  const voted = room.submitVote(other.id);
  assert.equal(all.latest.last("submit_vote").round_id, room.state.round.round_id);
  all.latest.oks("submit_vote", { vote_id: "the-vote" });
  await voted;
  assert.deepEqual(room.state.you.vote, { vote_id: "the-vote", answer_id: other.id });
});

test("a refusal has its code, its details, and what may be tried when", async () => {
  const { all, room } = await inside();
  const started = room.startGame();
  all.latest.refuses("start_game", { code: "wrong_phase", phase: "voting" });
  await assert.rejects(started, (error) => {
    assert.deepEqual([error.code, error.message, error.retryable, error.retryAfter], ["wrong_phase", "No.", false, null]);
    assert.deepEqual(error.details, { phase: "voting" });
    return true;
  });
});

test("who is too fast waits as he is told, and sends the same again, before what came after it", async (t) => {
  const passes = clock(t);
  const { all, room } = await inside();
  given(room.lockRoom());
  const id = all.latest.last("lock_room").id;
  all.latest.refuses("lock_room", { code: "rate_limited", retry_after: 0.4 });
  given(room.unlockRoom());
  passes(399);
  assert.equal(all.latest.commands("unlock_room").length, 0);
  passes(1);
  assert.deepEqual(all.latest.sent.slice(-2).map((frame) => frame.type), ["lock_room", "unlock_room"]);
  assert.equal(all.latest.last("lock_room").id, id);
});

test("however often it is too fast, it waits and is not given up", async (t) => {
  const passes = clock(t);
  const { all, room } = await inside();
  const locked = room.lockRoom();
  for (let times = 0; times < 9; times += 1) {
    all.latest.refuses("lock_room", { code: "rate_limited", retry_after: 0.1 });
    passes(100);
  }
  all.latest.oks("lock_room");
  assert.equal((await locked).type, "ok");
});

test("who wants to leave a room that he is not in any more has left it", async () => {
  for (const code of ["not_member", "room_not_found"]) {
    const { all, client, room } = await inside();
    const left = room.leaveRoom();
    all.latest.refuses("leave_room", { code });
    assert.equal((await left).type, "ok");
    assert.equal(client.room(ROOM), undefined);
  }
});

test("a long wait is not waited for in silence", async () => {
  const { all, client } = await inside();
  const joined = client.joinRoom("wx-yz 23");
  assert.equal(all.latest.last("join_room").room_code, "WXYZ23");
  all.latest.refuses("join_room", { code: "rate_limited", retry_after: 60 });
  await assert.rejects(joined, (error) => error.code === "rate_limited" && error.retryAfter === 60);
});

test("what may have taken effect is sent again with the same id, five times, after a growing wait", async (t) => {
  const passes = clock(t);
  const { all, room } = await inside(state("answering"));
  const answered = assert.rejects(room.submitAnswer("a coat"), code("unavailable"));
  for (const seconds of [1, 2, 4, 8, 16]) {
    all.latest.refuses("submit_answer", { code: "unavailable", retryable: true });
    const sent = all.latest.commands("submit_answer").length;
    passes(seconds * 1000 - 1);
    assert.equal(all.latest.commands("submit_answer").length, sent);
    passes(1);
    assert.equal(all.latest.commands("submit_answer").length, sent + 1);
  }
  all.latest.refuses("submit_answer", { code: "unavailable", retryable: true });
  await answered;
  assert.equal(new Set(all.latest.commands("submit_answer").map((frame) => JSON.stringify(frame))).size, 1);
});

test("a command without a reply is sent again, and the connection is looked at", async (t) => {
  const passes = clock(t);
  const { all, room } = await inside();
  given(room.lockRoom());
  passes(WELCOME.limits.reply_seconds * 1000 + 2000);
  all.latest.oks("ping", { server_time: Date.now() });
  passes(1);
  assert.equal(new Set(all.latest.commands("lock_room").map((frame) => frame.id)).size, 1);
  assert.equal(all.latest.commands("lock_room").length, 2);
  passes(5000);
  assert.equal(all.latest.isClosed, false);
});

test("a reaction and a ping without a reply are given up: sent again they would be done twice, or too late", async (t) => {
  const passes = clock(t);
  const { all, client, room } = await inside();
  const silent = [room.react("applause"), client.ping()].map((told) => assert.rejects(told, code("unavailable")));
  const asked = all.latest.last("ping");
  passes(WELCOME.limits.reply_seconds * 1000 + 2000);
  passes(1);
  assert.equal(all.latest.commands("react").length, 1);
  assert.equal(all.latest.commands("ping").filter(({ id }) => id === asked.id).length, 1);
  await Promise.all(silent);
  // Whether the connection is dead is asked all the same.
  passes(5000);
  assert.equal(all.latest.isClosed, true);
});

test("without a connection commands wait for the next one, in order, but not those that are of no use then", async (t) => {
  const passes = clock(t);
  const { all, room, client } = await inside();
  const lost = assert.rejects(room.react("applause"), code("connection_lost"));
  all.latest.ends(1006);
  given(room.lockRoom());
  await assert.rejects(room.react("applause"), code("offline"));
  await assert.rejects(client.ping(), code("offline"));
  given(room.unlockRoom());
  await lost;
  passes(1000);
  all.latest.welcomes();
  assert.deepEqual(all.latest.sent.map((frame) => frame.type), ["authenticate", "resume", "lock_room", "unlock_room"]);
});

test("what had no reply is sent again on the next connection, after `resume`, with the same id", async (t) => {
  const passes = clock(t);
  const { all, room } = await inside(state("answering"));
  const answered = room.submitAnswer("a coat");
  const before = all.latest.last("submit_answer");
  all.latest.ends(1006);
  passes(1000);
  all.latest.welcomes();
  const { stream, seq } = room.state;
  const { type: _, id: _id, ...resume } = all.latest.last("resume");
  assert.deepEqual(resume, { room_code: ROOM, stream, last_seq: seq });
  assert.deepEqual(all.latest.last("submit_answer"), before);
  all.latest.oks("submit_answer", { answer_id: "mine" });
  assert.equal((await answered).answer_id, "mine");
});

test("no more than 64 commands wait", async () => {
  const { client } = await inside();
  const waiting = Array.from({ length: 64 }, () => client.command("lock_room", { room_code: ROOM }));
  await assert.rejects(client.command("lock_room", { room_code: ROOM }), code("queue_full"));
  client.close();
  assert.ok((await Promise.allSettled(waiting)).every(({ reason }) => reason.code === "closed"));
});

test("what the server has forgotten is not sent again: it might be done twice", async (t) => {
  const passes = clock(t);
  const { all, room, client } = await inside();
  const started = assert.rejects(room.nextRound(), code("expired"));
  all.latest.ends(1006);
  passes(590_000);
  while (client.status.state !== "connecting") passes(1000);
  all.latest.welcomes();
  await started;
  assert.equal(all.latest.commands("next_round").length, 0);
});

test("a frame that the server would close the connection for is not sent", async () => {
  const { all, room } = await inside(state("answering"));
  await assert.rejects(room.submitAnswer("ä".repeat(8200)), code("too_large"));
  assert.equal(all.latest.commands("submit_answer").length, 0);
});

test("commands of one who is not connected, and does not want to be, are refused", async () => {
  const { client, room } = await inside();
  client.close();
  await assert.rejects(room.lockRoom(), code("closed"));
});

test("the time that is left goes by the server's clock, also when that of this machine is wrong", async (t) => {
  const passes = clock(t);
  const { all, room, client } = await inside(state("voting"));
  const pinged = client.ping();
  all.latest.oks("ping", { server_time: room.state.round.deadline - 30_000 });
  await pinged;
  assert.equal(room.remainingMs, 30_000);
  passes(10_000);
  assert.equal(room.remainingMs, 20_000);
  passes(60_000);
  assert.equal(room.remainingMs, 0);
});

test("an event that comes again says nothing of the time that it is now", async (t) => {
  const passes = clock(t);
  const { all, room } = await inside(state("voting"));
  const { seq } = room.state;
  const locked = { type: "room_locked", room_code: ROOM, seq: seq + 1, server_time: Date.now() };
  all.latest.says(locked);
  const left = room.remainingMs;
  passes(5_000);
  all.latest.says(locked);
  assert.equal(room.remainingMs, Math.max(0, left - 5_000));
});

test("while the game is paused the clock stands, and without a deadline there is none", async () => {
  const paused = await inside(state("answering.paused"));
  assert.equal(paused.room.remainingMs, paused.room.state.round.remaining_ms);
  assert.equal((await inside(state("results"))).room.remainingMs, null);
  assert.equal((await inside(state("lobby"))).room.remainingMs, null);
});

test("frames can be read one after another, of one room, until one is out of it", async () => {
  const { client, all, room } = await inside();
  const types = [];
  const read = (async () => { for await (const { type } of client.frames("abc-234")) types.push(type); })();
  await settled();
  const { seq } = room.state;
  all.latest.says({ ...example("event.room_locked"), seq: seq + 1 });
  all.latest.says({ type: "birthday", user_id: BEN.id });
  all.latest.says({ ...example("event.player_left"), user_id: BEN.id, seq: seq + 2, reason: "kicked" });
  await read;
  assert.deepEqual(types, ["room_locked", "player_left"]);
  assert.equal(room.state, null);
  assert.equal(client.rooms.size, 0);
});

test("a reader who is too far behind is told so, and costs nothing more", async () => {
  const { client, all } = await inside();
  const frames = client.frames();
  const first = frames.next();
  await settled();
  for (let count = 0; count < 1100; count += 1) {
    all.latest.says({ type: "reaction", room_code: ROOM, user_id: BEN.id, reaction: "fire" });
  }
  await first;
  for (let count = 1; count < 1000; count += 1) await frames.next();
  await assert.rejects(frames.next(), code("too_slow"));
});

test("a call over HTTP that is refused has the code and the details of its problem", async () => {
  const body = { code: "rate_limited", message: "Too much.", retryable: false, retry_after: 180 };
  const { client } = aClient({ answers: { "/api/auth/login": { status: 429, body } } });
  await assert.rejects(client.login("ada@example.org", "wrong"), (error) => {
    assert.deepEqual([error.code, error.retryAfter, error.details.status], ["rate_limited", 180, 429]);
    return true;
  });
});

test("a call that does not come through says so", async () => {
  const { client } = aClient({ fetch: async () => { throw new TypeError("no network"); } });
  await assert.rejects(client.me(), (error) => error.code === "offline" && error.retryable);
});
