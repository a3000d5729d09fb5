// What the tests of the client stand on: sockets that do what a test says, a page, a storage, examples of frames.

import { readFileSync } from "node:fs";
import { afterEach } from "node:test";
import { VotegameClient } from "../../votegame/static/votegame-client.js";

const PROTOCOL = new URL("../../protocol/", import.meta.url);

export const registry = (name) => JSON.parse(readFileSync(new URL(`${name}.json`, PROTOCOL)));
export const example = (name) => registry(`examples/${name}`);

export const WELCOME = example("welcome");
export const BEN = WELCOME.user;
export const TOKEN = "a-token-of-ben";
export const ROOM = "ABC234";

/** The sockets that one client opens, in order; `latest` is the one of now. */
export function sockets() {
  const opened = [];
  class FakeSocket {
    constructor(url, protocols) {
      Object.assign(this, { url, protocols, sent: [], isClosed: false });
      opened.push(this);
    }
    send(text) { this.sent.push(JSON.parse(text)); }
    // As when the network is gone: nobody is told that it is closed.
    close() { this.isClosed = true; }
    opens() { this.onopen?.(); }
    says(frame) { this.onmessage?.({ data: JSON.stringify(frame) }); }
    ends(code) { this.onclose?.({ code }); }
    commands(type) { return this.sent.filter((frame) => frame.type === type); }
    last(type) { return this.commands(type).at(-1); }
    welcomes(welcome = WELCOME) {
      this.opens();
      this.says({ ...welcome, server_time: Date.now() });
      this.says({ type: "ok", id: this.last("authenticate").id, user: welcome.user });
    }
    oks(type, fields) { this.says({ type: "ok", id: this.last(type).id, ...fields }); }
    refuses(type, fields) { this.says({ type: "error", id: this.last(type).id, message: "No.", retryable: false, ...fields }); }
  }
  return { opened, FakeSocket, get latest() { return opened.at(-1); } };
}

export function memoryStorage() {
  const kept = new Map();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

/** A page that can be hidden, shown, and put to sleep. */
export function fakePage() {
  const page = Object.assign(new EventTarget(), { document: Object.assign(new EventTarget(), { visibilityState: "visible" }) });
  page.shows = (visibilityState) => {
    page.document.visibilityState = visibilityState;
    page.document.dispatchEvent(new Event("visibilitychange"));
  };
  return page;
}

/** A server's answers over HTTP: each call is kept, and gets what `answers` has for its path. */
export function fakeFetch(answers = {}) {
  const calls = [];
  const fetch = async (url, init) => {
    const { pathname } = new URL(url);
    calls.push({ pathname, ...init, body: init.body && JSON.parse(init.body) });
    const { status = 200, body = {}, headers = {} } = answers[pathname] ?? { status: 404 };
    return new Response(JSON.stringify(body), { status, headers });
  };
  return { calls, fetch };
}

const open = new Set();
afterEach(() => {
  for (const client of open) client.close();
  open.clear();
});

export const KEY = "votegame:http://play.example";

/** A client with a login of Ben's, and whatever it talks to. `random` is 1 at first: the longest waits. */
export function aClient({ rooms = [], answers = {}, storage = memoryStorage(), ...options } = {}) {
  if (storage && !storage.getItem(KEY)) storage.setItem(KEY, JSON.stringify({ token: TOKEN, user: BEN, rooms }));
  const all = sockets();
  const http = fakeFetch(answers);
  const page = fakePage();
  const client = new VotegameClient({
    url: "http://play.example", storage, WebSocket: all.FakeSocket, fetch: http.fetch, page, random: () => 1, ...options,
  });
  open.add(client);
  return { client, all, http, page, storage };
}

/** A client that is connected. */
export function connected(options) {
  const made = aClient(options);
  made.client.connect();
  made.all.latest.welcomes();
  return made;
}

/** What a member who watches knows of a room, as in the example, but that it is Ben's. */
export const state = (name, changes = {}) => ({ ...example(`state.${name}`), ...changes });

/** A client that is in a room, of which it knows `known`. */
export async function inside(known = state("lobby"), options = {}) {
  const made = connected(options);
  const joined = made.client.joinRoom(ROOM);
  made.all.latest.oks("join_room", { room_code: ROOM, state: { ...known, server_time: Date.now() } });
  await joined;
  return { ...made, room: made.client.room(ROOM) };
}

/** Let promises that are settled be told. */
export async function settled() {
  for (let turns = 0; turns < 10; turns += 1) await null;
  await new Promise((resolve) => setImmediate(resolve));
}

/** Give a command whose outcome the test does not wait for. */
export const given = (promise) => void promise.catch(() => {});

/** What is told, as it is told. */
export function heard(client, type) {
  const told = [];
  client.addEventListener(type, ({ detail }) => told.push(detail));
  return told;
}

export function frozen(value) {
  if (value && typeof value === "object") Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}
