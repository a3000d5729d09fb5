// The connection: when it comes back, how it notices that it is lost, and what a page that was away goes on with.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { backoff, comeBack, TIMES, VotegameClient, VotegameError } from "../../votegame/static/votegame-client.js";
import {
  aClient, BEN, connected, example, heard, inside, KEY, memoryStorage, registry, ROOM, settled, state, TOKEN, WELCOME,
} from "./support.mjs";

const clock = (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1767225600000 });
  return (ms) => t.mock.timers.tick(ms);
};
const code = (wanted) => (error) => error instanceof VotegameError && error.code === wanted;

test("each close code means what the registry says", () => {
  for (const [number, { come_back }] of Object.entries(registry("close_codes").codes)) {
    assert.equal(comeBack(Number(number)), come_back, number);
  }
  const others = { 1000: "resume", 1006: "resume", 1011: "resume", 4499: "no", 4599: "resume" };
  for (const [number, way] of Object.entries(others)) assert.equal(comeBack(Number(number)), way, number);
});

test("the wait is a random one, doubled up to half a minute", () => {
  assert.deepEqual([0, 1, 2, 10].map((failures) => backoff(failures, () => 1)), [1000, 2000, 4000, 30_000]);
  assert.equal(backoff(5, () => 0), 0);
  const waits = Array.from({ length: 200 }, () => backoff(3));
  assert.ok(Math.min(...waits) < 2000 && Math.max(...waits) > 6000 && Math.max(...waits) <= 8000);
});

test("waits grow while connections are lost at once, and are short again after one that stood", async (t) => {
  const passes = clock(t);
  const { all, client } = connected();
  for (const seconds of [1, 2, 4]) {
    all.latest.ends(1012);
    assert.equal(client.status.retryAt, Date.now() + seconds * 1000);
    const opened = all.opened.length;
    passes(seconds * 1000 - 1);
    assert.equal(all.opened.length, opened);
    passes(1);
    assert.equal(all.opened.length, opened + 1);
    all.latest.welcomes();
  }
  passes(15_000);
  all.latest.says({ type: "birthday" });
  passes(15_000);
  all.latest.ends(1006);
  assert.equal(client.status.retryAt, Date.now() + 1000);
});

test("who leaves the cookie out of his calls has the server not look at that of his sockets", async () => {
  const { all } = connected({ credentials: "omit" });
  assert.equal(all.latest.url, "ws://play.example/ws?cookie=no");
  const other = connected({ credentials: "omit", rooms: [ROOM] });
  assert.equal(other.all.latest.url, `ws://play.example/ws?room=${ROOM}&cookie=no`);
});

test("a login that ends because another one is under way is waited for", async (t) => {
  const passes = clock(t);
  const registered = { status: 201, body: { user: { ...BEN, guest: false }, token: "another-token" } };
  const { client, all } = connected({ answers: { "/api/auth/register": registered } });
  const registering = client.register("ben@example.org", "four words are fine", "Ben");
  all.latest.ends(4401); // the server tells the socket first
  assert.equal(client.status.state, "waiting");
  await registering;
  passes(1000);
  all.latest.opens();
  assert.equal(all.latest.last("authenticate").token, "another-token");

  const refusing = client.login("ben@example.org", "three words only");
  all.latest.ends(4401);
  await assert.rejects(refusing);
  passes(2000);
  all.latest.ends(4401);
  assert.deepEqual(client.status, { state: "stopped", code: 4401 });
});

test("after 1013 it stays away for a minute, whatever the page does", async (t) => {
  const passes = clock(t);
  const { all, page } = connected({ random: () => 0 });
  all.latest.ends(1013);
  page.dispatchEvent(new Event("online"));
  passes(59_999);
  assert.equal(all.opened.length, 1);
  passes(1);
  assert.equal(all.opened.length, 2);
});

test("after a refused upgrade it asks how long to wait, and does so", async (t) => {
  const passes = clock(t);
  const { all, client, page } = aClient({
    answers: { "/api/auth/me": { status: 503, body: { code: "unavailable" }, headers: { "Retry-After": "20" } } },
  });
  client.connect();
  all.latest.ends(1006);
  await settled();
  page.dispatchEvent(new Event("online"));
  passes(20_000);
  assert.equal(all.opened.length, 1);
  passes(1000);
  assert.equal(all.opened.length, 2);
});

test("a login that is refused over HTTP is not tried again and again", async () => {
  const { all, client } = aClient({ answers: { "/api/auth/me": { status: 401, body: { code: "unauthenticated" } } } });
  const welcomed = assert.rejects(client.connect(), code("stopped"));
  all.latest.ends(1006);
  await welcomed;
  assert.deepEqual(client.status, { state: "stopped", code: 4401 });
});

test("`authenticate` that must wait is waited for, on another connection", async (t) => {
  const passes = clock(t);
  const { all, client } = aClient();
  client.connect();
  all.latest.opens();
  all.latest.refuses("authenticate", { code: "unavailable", retryable: true, retry_after: 7 });
  passes(7999);
  assert.equal(all.opened.length, 1);
  passes(1);
  assert.equal(all.opened.length, 2);
});

test("a connection that does not come about is given up, and tried again", (t) => {
  const passes = clock(t);
  const { all, client } = aClient();
  client.connect();
  passes(TIMES.open);
  assert.deepEqual([all.latest.isClosed, client.status.state], [true, "waiting"]);
});

describe("a socket that is dead and looks open", () => {
  test("is noticed by silence, and nobody waits for its end", (t) => {
    const passes = clock(t);
    const { all, client } = connected();
    passes(TIMES.silence - 1);
    assert.equal(all.latest.commands("ping").length, 0);
    passes(1);
    assert.equal(all.latest.commands("ping").length, 1);
    passes(TIMES.pong);
    assert.deepEqual([all.latest.isClosed, client.status.state], [true, "waiting"]);
  });

  test("is one that was not silent", (t) => {
    const passes = clock(t);
    const { all, client } = connected();
    for (let times = 0; times < 4; times += 1) {
      passes(TIMES.silence);
      all.latest.oks("ping", { server_time: Date.now() });
    }
    assert.equal(client.status.state, "open");
  });

  for (const [name, wakes] of Object.entries({
    "a phone that was locked": (page) => (page.shows("hidden"), page.shows("visible")),
    "a page that comes back from the cache": (page) => page.dispatchEvent(new Event("pageshow")),
    "another network": (page) => page.dispatchEvent(new Event("online")),
  })) {
    test(`is noticed soon after ${name}`, async (t) => {
      const passes = clock(t);
      const { all, client, page, room } = await inside();
      wakes(page);
      assert.equal(all.latest.commands("ping").length, 1);
      passes(TIMES.awake);
      assert.equal(client.status.state, "waiting");
      passes(1000);
      all.latest.welcomes();
      assert.equal(all.latest.last("resume").last_seq, room.state.seq);
    });
  }

  test("is not taken for one when it answers after waking", (t) => {
    const passes = clock(t);
    const { all, client, page } = connected();
    page.shows("visible");
    all.latest.oks("ping", { server_time: Date.now() });
    passes(TIMES.awake);
    assert.equal(client.status.state, "open");
  });

  test("can tell nothing more, nor end the connection that took its place", async (t) => {
    const passes = clock(t);
    const { all, room, client } = await inside();
    const dead = all.latest;
    for (const ms of [TIMES.silence, TIMES.pong, TIMES.backoff]) passes(ms);
    all.latest.welcomes();
    dead.says({ type: "room_locked", room_code: ROOM, seq: room.state.seq + 1 });
    dead.ends(1006);
    assert.deepEqual([room.state.locked, client.status.state], [false, "open"]);
  });
});

test("a page that is hidden does nothing, one that wakes up does not wait for long", async (t) => {
  const passes = clock(t);
  const { all, page } = connected();
  for (const _ of [1, 2, 3, 4, 5]) {
    all.latest.ends(1006);
    passes(30_000);
    all.latest.welcomes();
  }
  all.latest.ends(1006);
  const opened = all.opened.length;
  page.shows("hidden");
  passes(1);
  assert.equal(all.opened.length, opened);
  page.shows("visible");
  passes(TIMES.hurry);
  assert.equal(all.opened.length, opened + 1);
});

describe("a room", () => {
  test("with a hole in its numbers is resumed once, and events are left out meanwhile", async () => {
    const { all, room, client } = await inside();
    const told = heard(client, "frame");
    const { seq } = room.state;
    for (const more of [2, 3]) all.latest.says({ type: "room_unlocked", room_code: ROOM, seq: seq + more });
    assert.deepEqual([all.latest.commands("resume").length, room.isBehind, told.length], [1, true, 0]);
    const events = [1, 2, 3].map((more) => ({ type: more === 2 ? "room_unlocked" : "room_locked", room_code: ROOM, seq: seq + more }));
    const now = { connected: [], you: room.state.you, submitted_count: 0, participant_count: 3, vote_counts: null };
    all.latest.oks("resume", { room_code: ROOM, recovered: true, stream: room.state.stream, events, now });
    assert.deepEqual([room.state.seq, room.state.locked, room.isBehind], [seq + 3, true, false]);
    assert.deepEqual(told.map((frame) => frame.seq), [seq + 1, seq + 2, seq + 3]);
  });

  test("is not told twice of an event that comes twice", async () => {
    const { all, room, client } = await inside();
    const told = heard(client, "room_locked");
    const event = { type: "room_locked", room_code: ROOM, seq: room.state.seq + 1 };
    all.latest.says(event);
    all.latest.says(event);
    assert.equal(told.length, 1);
  });

  test("that one is no member of any more is forgotten, with what was to be done there", async (t) => {
    const passes = clock(t);
    const { all, room, client, storage } = await inside();
    const changes = heard(client, "room");
    const refused = assert.rejects(room.lockRoom(), code("not_member"));
    const joined = client.joinRoom("WXYZ23");
    const joinedAgain = assert.rejects(client.joinRoom(ROOM), code("kicked"));
    all.latest.ends(1006);
    passes(1000);
    all.latest.welcomes();
    all.latest.refuses("resume", { code: "not_member" });
    await refused;
    const [first, second] = all.latest.commands("join_room");
    all.latest.says({ type: "ok", id: first.id, room_code: "WXYZ23", state: state("lobby", { room_code: "WXYZ23" }) });
    all.latest.says({ type: "error", id: second.id, code: "kicked", message: "No." });
    await Promise.all([joined, joinedAgain]);
    assert.equal(client.room(ROOM), undefined);
    assert.deepEqual(changes.map((change) => [change.room_code, change.frame.code]), [[ROOM, "not_member"], ["WXYZ23", undefined]]);
    assert.deepEqual(JSON.parse(storage.getItem(KEY)).rooms, ["WXYZ23"]);
  });

  test("whose log became another one while it asked is asked for again", async () => {
    const { all, room, client } = await inside();
    const { stream, seq } = room.state;
    all.latest.says({ type: "room_unlocked", room_code: ROOM, seq: seq + 2 });
    const joined = client.joinRoom(ROOM);
    all.latest.oks("join_room", { room_code: ROOM, state: state("lobby", { stream: "another" }) });
    await joined;
    all.latest.oks("resume", { room_code: ROOM, recovered: true, stream, events: [], now: {} });
    assert.equal(all.latest.last("resume").stream, "another");
  });

  test("is drawn anew when something has changed, and only then", async () => {
    const { all, client } = await inside();
    const changes = heard(client, "room");
    all.latest.says({ type: "reaction", room_code: ROOM, user_id: BEN.id, reaction: "fire" });
    assert.equal(changes.length, 0);
    all.latest.says({ type: "player_connection", room_code: ROOM, user_id: BEN.id, connected: false });
    assert.equal(changes.length, 1);
  });

  test("whose `resume` must wait is asked for again, with another id", async (t) => {
    const passes = clock(t);
    const { all } = await inside();
    all.latest.ends(1006);
    passes(1000);
    all.latest.welcomes();
    const ids = [all.latest.last("resume").id];
    all.latest.refuses("resume", { code: "rate_limited", retry_after: 2 });
    passes(2000);
    ids.push(all.latest.last("resume").id);
    all.latest.refuses("resume", { code: "unavailable", retryable: true });
    passes(2000);
    ids.push(all.latest.last("resume").id);
    passes(WELCOME.limits.reply_seconds * 1000 + TIMES.reply);
    all.latest.oks("ping", { server_time: Date.now() });
    passes(1);
    ids.push(all.latest.last("resume").id);
    assert.equal(new Set(ids).size, 4);
  });
});

describe("a page that was loaded anew", () => {
  test("comes back to its seat with what its storage has", async () => {
    const before = await inside(state("answering"));
    before.client.close();
    const { client, all } = aClient({ storage: before.storage });
    assert.deepEqual([client.token, client.user.id], [TOKEN, BEN.id]);
    client.connect();
    assert.equal(all.latest.url, `ws://play.example/ws?room=${ROOM}`);
    all.latest.welcomes();
    assert.match(all.latest.last("resume").stream, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(all.latest.last("resume").last_seq, 0);
    const known = state("voting");
    all.latest.oks("resume", { room_code: ROOM, recovered: false, stream: known.stream, state: known });
    assert.deepEqual(client.room(ROOM).state, known);
  });

  test("begins anew when its storage is forbidden, or holds something else", () => {
    const forbidden = () => { throw new Error("SecurityError"); };
    const locked = { getItem: forbidden, setItem: forbidden, removeItem: forbidden };
    const odd = { ...memoryStorage(), getItem: () => "{not JSON" };
    for (const storage of [locked, odd, null]) {
      const client = new VotegameClient({ url: "http://play.example", storage, page: {} });
      assert.deepEqual([client.token, client.rooms.size], [null, 0]);
    }
  });

  test("finds its server and its storage by itself, if the page may have one", (t) => {
    const there = { document: {}, location: { origin: "https://play.example" }, localStorage: memoryStorage() };
    there.localStorage.setItem("votegame:https://play.example", JSON.stringify({ token: TOKEN, user: BEN, rooms: [] }));
    for (const [name, value] of Object.entries(there)) {
      Object.defineProperty(globalThis, name, { value, configurable: true });
      t.after(() => delete globalThis[name]);
    }
    assert.equal(new VotegameClient().token, TOKEN);
    Object.defineProperty(globalThis, "localStorage", { get() { throw new Error("SecurityError"); }, configurable: true });
    assert.equal(new VotegameClient().token, null);
  });

  test("shares its storage with other tabs, whose rooms stay in it", async () => {
    const first = await inside();
    const second = connected({ storage: first.storage });
    const joined = second.client.joinRoom("WXYZ23");
    second.all.latest.oks("join_room", { room_code: "WXYZ23", state: state("lobby", { room_code: "WXYZ23" }) });
    await joined;
    assert.deepEqual(JSON.parse(first.storage.getItem(KEY)).rooms, [ROOM, "WXYZ23"]);
    first.all.latest.says({ ...example("event.room_closed"), seq: first.room.state.seq + 1 });
    assert.deepEqual(JSON.parse(first.storage.getItem(KEY)).rooms, ["WXYZ23"]);
  });
});

describe("two tabs", () => {
  test("do not take the connection from each other for ever", async (t) => {
    const passes = clock(t);
    const { all, client, page, room } = await inside();
    const refused = assert.rejects(room.lockRoom(), (error) => error.code === "stopped" && error.details.reason === 4409);
    all.latest.ends(4409);
    await refused;
    page.shows("visible");
    page.dispatchEvent(new Event("online"));
    passes(3_600_000);
    assert.equal(all.opened.length, 1);
    assert.deepEqual(client.status, { state: "stopped", code: 4409 });
    await assert.rejects(room.lockRoom(), code("stopped"));
    client.connect();
    all.latest.welcomes();
    assert.equal(client.status.state, "open");
    assert.equal(all.latest.commands("resume").length, 1);
  });

  test("both go on when the guest registers in one of them", async (t) => {
    const passes = clock(t);
    const { all, client, storage } = await inside();
    storage.setItem(KEY, JSON.stringify({ token: "a newer one", user: BEN, rooms: [ROOM] }));
    all.latest.ends(4401);
    passes(1000);
    all.latest.welcomes();
    assert.equal(all.latest.last("authenticate").token, "a newer one");
    all.latest.ends(4401);
    assert.deepEqual(client.status, { state: "stopped", code: 4401 });
  });

  test("do not write over what another user keeps, who has logged in since", async () => {
    const { client, all, storage } = connected();
    const kept = JSON.stringify({ token: "of-ada", user: { id: "ada" }, rooms: [] });
    storage.setItem(KEY, kept);
    const joined = client.joinRoom(ROOM);
    all.latest.oks("join_room", { room_code: ROOM, state: state("lobby") });
    await joined;
    assert.equal(storage.getItem(KEY), kept);
  });

  test("that are two users of one cookie are told so", async () => {
    const { all, client } = aClient();
    const welcomed = assert.rejects(client.connect(), code("stopped"));
    all.latest.opens();
    all.latest.says({ ...WELCOME, user: { id: "somebody-else", display_name: "Cleo" } });
    assert.equal(client.status.state, "connecting");
    all.latest.refuses("authenticate", { code: "bad_message", field: "token" });
    await welcomed;
    assert.deepEqual(client.status, { state: "stopped", code: "another_user" });
  });
});

test("a guest who registers goes on with the new token, and his room", async (t) => {
  const passes = clock(t);
  const user = { ...BEN, guest: false, email: "ben@example.org" };
  const { all, client, room, storage } = await inside(state("lobby"), {
    answers: { "/api/auth/register": { status: 201, body: { user, token: "registered" } } },
  });
  await client.register("ben@example.org", "four words are fine", "Ben");
  passes(1000);
  assert.equal(all.opened.length, 2);
  all.latest.welcomes();
  assert.equal(all.latest.last("authenticate").token, "registered");
  assert.equal(all.latest.last("resume").last_seq, room.state.seq);
  assert.equal(JSON.parse(storage.getItem(KEY)).token, "registered");
});

test("somebody else who logs in does not get the rooms of the one before", async () => {
  const user = { id: "ada", display_name: "Ada", guest: true };
  const { client, storage, room } = await inside(state("lobby"), {
    answers: { "/api/auth/guest": { status: 201, body: { user, token: "of-ada" } } },
  });
  const refused = assert.rejects(room.lockRoom(), code("closed"));
  await client.guest("Ada");
  await refused;
  assert.equal(client.rooms.size, 0);
  assert.deepEqual(JSON.parse(storage.getItem(KEY)), { token: "of-ada", user, rooms: [] });
});

test("who logs out is forgotten, even when nobody can be told", async () => {
  const { client, storage, all } = await inside();
  await assert.rejects(client.logout());
  assert.deepEqual([client.token, client.user, client.rooms.size, storage.getItem(KEY)], [null, null, 0, null]);
  assert.deepEqual([client.status.state, all.latest.isClosed], ["idle", true]);
});

test("who deletes the account is forgotten, and not told that the login is over", async () => {
  const { client, storage, all, http } = await inside(state("lobby"), { answers: { "/api/auth/me": {} } });
  const statuses = heard(client, "status");
  const deleting = client.deleteAccount();
  all.latest.ends(4401); // the server tells the socket first
  await deleting;
  assert.equal(http.calls.at(-1).method, "DELETE");
  assert.deepEqual([client.token, client.user, client.rooms.size, storage.getItem(KEY)], [null, null, 0, null]);
  assert.deepEqual(statuses.map((status) => status.state), ["waiting", "idle"]);
});

test("an account that could not be deleted is still there", async () => {
  const { client, storage, all } = await inside(state("lobby"), { answers: { "/api/auth/me": { status: 503 } } });
  await assert.rejects(client.deleteAccount(), code("unavailable"));
  assert.deepEqual([client.token, client.rooms.size, client.status.state], [TOKEN, 1, "open"]);
  assert.equal(JSON.parse(storage.getItem(KEY)).token, TOKEN);
  assert.equal(all.latest.isClosed, false);
});

test("a client may be closed by who is told how its connection is", async (t) => {
  const passes = clock(t);
  const answers = { "/api/auth/me": { status: 503, body: {}, headers: { "Retry-After": "1" } } };
  for (const [last, happens] of [["open", (socket) => socket.welcomes()], ["waiting", (socket) => socket.ends(1006)]]) {
    const { client, all } = aClient({ rooms: [ROOM], answers });
    let closings = 0;
    client.addEventListener("status", ({ detail }) => {
      if (detail.state === last && closings++ === 0) client.close();
    });
    client.connect();
    happens(all.latest);
    await settled();
    passes(10_000);
    assert.deepEqual([client.status.state, all.opened.length, all.latest.commands("resume").length], ["idle", 1, 0]);
  }
});

test("advice that comes when the client was closed changes nothing", async (t) => {
  const passes = clock(t);
  const { client, all } = aClient({ answers: { "/api/auth/me": { status: 503, headers: { "Retry-After": "1" } } } });
  client.connect();
  all.latest.ends(1006);
  client.close();
  await settled();
  passes(10_000);
  assert.deepEqual([client.status.state, all.opened.length], ["idle", 1]);
});

test("a client that was closed and connects again hears of each waking once", () => {
  const { client, all, page } = connected();
  client.close();
  client.connect();
  all.latest.welcomes();
  page.dispatchEvent(new Event("online"));
  assert.equal(all.latest.commands("ping").length, 1);
});

test("a client that was closed leaves nothing behind that would act", async (t) => {
  const passes = clock(t);
  const { client, all, page } = await inside();
  const frames = client.frames().next();
  client.close();
  page.dispatchEvent(new Event("online"));
  passes(3_600_000);
  assert.deepEqual([all.opened.length, all.latest.commands("ping").length], [1, 0]);
  assert.equal((await frames).done, true);
});
