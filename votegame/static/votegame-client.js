/*
 * The client of votegame.v1: one module that needs nothing but `fetch` and `WebSocket`. votegame-client.d.ts says what
 * everything is for; chapters are those of protocol/v1.md. A state is never changed in place.
 */

const PROTOCOL = "votegame.v1";
const MOST_PENDING = 64; // commands without a reply; one more is `queue_full`
const MOST_FRAMES = 1000; // that wait for a reader of `frames()`, who then is `too_slow`
const MOST_TRIES = 5;
const REMEMBERED_MS = 540_000; // the server knows a repetition for 10 minutes; after that it would be done twice
const OWN_EVENTS = new Set(["frame", "room", "status"]);
const NEVER_AGAIN = new Set(["react", "ping"]);
const OUT = new Set(["not_member", "room_not_found"]);

export const TIMES = Object.freeze({
  backoff: 1000,
  backoffMost: 30_000,
  stood: 30_000,
  later: 60_000,
  open: 10_000,
  silence: 17_000,
  pong: 5000,
  awake: 3000,
  hurry: 500,
  again: 1000,
  patience: 5000,
  reply: 2000,
});

export class VotegameError extends Error {
  constructor({ type: _type, id: _id, code, message, retryable = false, retry_after, ...details }) {
    super(message ?? code);
    Object.assign(this, { name: "VotegameError", code, retryable, retryAfter: retry_after ?? null, details });
  }
}

export function comeBack(code) {
  if (code === 4401) return "after_login";
  if (code === 1013) return "later";
  return [1002, 1003, 1007, 1008, 1009].includes(code) || (code >= 4400 && code < 4500) ? "no" : "resume";
}

export function backoff(failures, random = Math.random, times = TIMES) {
  return random() * Math.min(times.backoffMost, times.backoff * 2 ** failures);
}

// What changes in `state` (chapter 6).

const pick = (from, ...names) => Object.fromEntries(names.map((name) => [name, from[name]]));
const inRound = (state, changes) => ({ ...state, round: { ...state.round, ...changes } });
const running = ({ remaining_ms: _, ...round }) => round;
const sameRound = (state, frame) => state.round?.round_id === frame.round_id;
const member = (state, user_id, changes) => ({
  ...state,
  members: state.members.map((one) => (one.user_id === user_id ? { ...one, ...changes } : one)),
});

function nothingDone(state, plays) {
  const { answer_flagged: _, ...you } = state.you;
  return { ...state, you: { ...you, plays, answer_id: null, vote: null } };
}

const hasAnother = ({ you }, { answer_id }) => you.answer_id !== null && you.answer_id !== answer_id;

/** Make the board anew; `gone` is the member who has just left. */
function ranked(state, gone) {
  const known = new Set([gone, ...state.members].map((one) => one?.user_id));
  const lines = [
    ...state.members.filter((one) => one.role === "player" || one.has_played),
    ...state.leaderboard.filter((line) => !known.has(line.user_id)),
    ...(gone?.has_played ? [gone] : []),
  ].sort((one, other) => other.score - one.score);
  const rank = (line) => 1 + lines.findIndex((other) => other.score === line.score);
  const board = lines.map((line) => ({ rank: rank(line), ...pick(line, "user_id", "display_name", "score") }));
  return { ...state, leaderboard: board };
}

function roundStarted(state, event) {
  const round = pick(event, "round_id", "round_number", "total_rounds", "question", "time_limit", "deadline");
  const members = state.members.map((one) => ({ ...one, has_played: one.has_played || one.role === "player" }));
  const participant_count = members.filter((one) => one.role === "player").length;
  return {
    ...nothingDone(state, state.you.role === "player"),
    ...pick(event, "own_question_count"),
    phase: "answering",
    members,
    round: { ...round, submitted_count: 0, participant_count, answers: null, results: null },
  };
}

function counted(state, notice) {
  if (!sameRound(state, notice)) return state;
  const { answers } = state.round;
  const changed = (answer) => (answer.id === notice.answer_id ? { ...answer, vote_count: notice.vote_count } : answer);
  const counts = pick(notice, "submitted_count", "participant_count");
  return inRound(state, { ...counts, answers: notice.answer_id && answers ? answers.map(changed) : answers });
}

const locked = (state, { type }) => ({ ...state, locked: type === "room_locked" });

const RULES = {
  player_joined(state, event) {
    const line = state.leaderboard.find((one) => one.user_id === event.user_id);
    const { user_id, display_name, role } = event;
    const one = { user_id, display_name, connected: true, score: line?.score ?? 0, role, has_played: !!line };
    return ranked({ ...state, members: [...state.members, one] });
  },
  role_changed(state, event, userId) {
    const changed = ranked(member(state, event.user_id, pick(event, "role")));
    return event.user_id === userId ? { ...changed, you: { ...state.you, role: event.role } } : changed;
  },
  player_left(state, event) {
    const gone = state.members.find((one) => one.user_id === event.user_id);
    const members = state.members.filter((one) => one !== gone);
    return ranked({ ...state, members, host_id: event.host_id }, gone);
  },
  host_changed: (state, event) => ({ ...state, host_id: event.host_id }),
  room_locked: locked,
  room_unlocked: locked,
  settings_updated: (state, event) => ({ ...state, ...pick(event, "settings", "own_question_count") }),
  game_started: roundStarted,
  round_started: roundStarted,
  voting_started(state, event) {
    const isCounted = state.settings.vote_updates !== "progress";
    const answers = event.answers.map((answer) => (isCounted ? { ...answer, vote_count: 0 } : answer));
    const told = pick(event, "participant_count", "time_limit", "deadline");
    return { ...state, phase: "voting", round: { ...running(state.round), ...told, answers, submitted_count: 0 } };
  },
  deadline_changed: (state, event) => inRound(state, pick(event, "deadline", "time_limit")),
  game_paused: (state, event) => inRound(state, { deadline: null, remaining_ms: event.remaining_ms }),
  game_resumed: (state) => ({ ...state, round: running(state.round) }),
  round_ended(state, event) {
    const { leaderboard, results } = event;
    const score = new Map(leaderboard.map((line) => [line.user_id, line.score]));
    const votes = new Map(results.map((result) => [result.answer_id, result.vote_count]));
    const shown = (answer) => ("vote_count" in answer ? { ...answer, vote_count: votes.get(answer.id) } : answer);
    const round = {
      ...running(state.round),
      ...pick(event, "participant_count", "results", "time_limit", "deadline"),
      answers: state.round.answers?.map(shown) ?? null,
      submitted_count: state.round.answers ? [...votes.values()].reduce((sum, n) => sum + n, 0) : results.length,
    };
    const members = state.members.map((one) => ({ ...one, score: score.get(one.user_id) ?? 0 }));
    return { ...state, phase: "results", leaderboard, members, round };
  },
  game_ended(state, event) {
    const ended = inRound(state, { time_limit: null, deadline: null });
    return { ...ended, phase: "finished", leaderboard: event.final_leaderboard };
  },
  game_reset(state) {
    const members = state.members.map((one) => ({ ...one, score: 0, has_played: false }));
    return ranked({ ...nothingDone(state, false), phase: "lobby", round: null, members, leaderboard: [] });
  },
  room_closed: () => null,
  answer_submitted: counted,
  vote_update: counted,
  answer_flagged(state, notice) {
    const answer_flagged = pick(notice, "answer_id", "reason");
    if (!sameRound(state, notice) || hasAnother(state, notice)) return state;
    return { ...state, you: { ...state.you, answer_id: null, answer_flagged } };
  },
  player_connection: (state, notice) => member(state, notice.user_id, pick(notice, "connected")),
};

export function fold(state, frame, userId) {
  const next = Object.hasOwn(RULES, frame.type) ? RULES[frame.type](state, frame, userId) : state;
  return next && "seq" in frame ? { ...next, seq: frame.seq } : next;
}

export function foldMissed(state, { events, now }, userId) {
  const after = events.filter(({ seq }) => seq > state.seq).reduce((so, event) => fold(so, event, userId), state);
  const members = after.members.map((one) => ({ ...one, connected: now.connected.includes(one.user_id) }));
  const known = { ...after, members, you: now.you };
  if (!known.round) return known;
  const { vote_counts: votes } = now;
  const answers = votes ? known.round.answers.map((one) => ({ ...one, vote_count: votes[one.id] })) : known.round.answers;
  return inRound(known, { ...pick(now, "submitted_count", "participant_count"), answers });
}

export function foldReply(state, command, ok) {
  if (!sameRound(state, command)) return state;
  const { answer_flagged: flagged, ...you } = state.you;
  if (command.type === "submit_vote") {
    return { ...state, you: { ...state.you, vote: { vote_id: ok.vote_id, answer_id: command.answer_id } } };
  }
  // It may be told late, or again: of an answer that was flagged before it says nothing.
  const isOld = flagged?.answer_id === ok.answer_id || hasAnother(state, ok);
  return isOld ? state : { ...state, you: { ...you, answer_id: ok.answer_id } };
}

export class Room {
  #client;

  constructor(client, code) {
    this.#client = client;
    this.code = code;
    this.state = null;
    this.isBehind = false; // has asked for what it missed
  }

  get roundId() { return this.state?.round?.round_id; }
  get isHost() { return !!this.state && this.state.host_id === this.#client.user?.id; }

  get remainingMs() {
    const { deadline, remaining_ms = null } = this.state?.round ?? {};
    return deadline == null ? remaining_ms : Math.max(0, deadline - this.#client.now());
  }

  #command(type, fields) { return this.#client.command(type, { room_code: this.code, ...fields }); }
  leaveRoom() { return this.#command("leave_room"); }
  updateSettings(settings) { return this.#command("update_settings", { settings }); }
  startGame() { return this.#command("start_game"); }
  nextRound() { return this.#command("next_round"); }
  submitAnswer(answer, round_id = this.roundId) { return this.#command("submit_answer", { round_id, answer }); }
  startVoting(round_id = this.roundId) { return this.#command("start_voting", { round_id }); }
  endRound(round_id = this.roundId) { return this.#command("end_round", { round_id }); }
  submitVote(answer_id, round_id = this.roundId) { return this.#command("submit_vote", { round_id, answer_id }); }
  kickPlayer(user_id) { return this.#command("kick_player", { user_id }); }
  lockRoom() { return this.#command("lock_room"); }
  unlockRoom() { return this.#command("unlock_room"); }
  transferHost(user_id) { return this.#command("transfer_host", { user_id }); }
  pauseGame() { return this.#command("pause_game"); }
  resumeGame() { return this.#command("resume_game"); }
  extendPhase(seconds, round_id = this.roundId) { return this.#command("extend_phase", { round_id, seconds }); }
  skipQuestion(round_id = this.roundId) { return this.#command("skip_question", { round_id }); }
  playAgain() { return this.#command("play_again"); }
  react(reaction) { return this.#command("react", { reaction }); }
}

/** A version-4 UUID; `crypto.randomUUID` is not there over plain HTTP. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** What browsers keep for all tabs of an origin, if they let us. */
function pageStorage() {
  try {
    return globalThis.document ? globalThis.localStorage : null;
  } catch {
    return null; // forbidden by its settings
  }
}

export class VotegameClient extends EventTarget {
  #options;
  #pending = new Map(); // commands without a reply, by id, in order
  #asked = new Map(); // our own questions on this connection: what takes the reply, by id
  #socket = null;
  #opening = []; // who waits for `welcome`
  #timers = {};
  #failures = 0;
  #openedAt = 0;
  #heardAt = 0;
  #offset = 0;
  #mayHurry = false;
  #changes = 0; // of the login, under way
  #page = null;

  constructor(options = {}) {
    super();
    const url = (options.url ?? globalThis.location?.origin ?? "").replace(/\/+$/, "");
    this.#options = {
      storage: pageStorage(),
      storageKey: `votegame:${url}`,
      credentials: "same-origin", // with the cookie, a connection is known from its first byte on
      WebSocket: globalThis.WebSocket,
      fetch: (...request) => globalThis.fetch(...request),
      random: Math.random,
      page: globalThis,
      ...options,
      url,
      times: { ...TIMES, ...options.times },
    };
    this.limits = null;
    this.rooms = new Map();
    this.status = { state: "idle" };
    const { token = null, user = null, rooms = [] } = this.#kept();
    Object.assign(this, { token, user });
    for (const code of rooms) this.rooms.set(code, new Room(this, code));
  }

  // Logging in, over HTTP (chapter 3).

  guest(display_name) { return this.#logIn("guest", { display_name }); }
  register(email, password, display_name) { return this.#logIn("register", { email, password, display_name }); }
  login(email, password) { return this.#logIn("login", { email, password }); }
  changePassword(old_password, new_password) { return this.#logIn("password", { old_password, new_password }); }
  me() { return this.http("GET", "/api/auth/me"); }

  async logout() {
    try {
      await this.#changeLogin("logout");
    } finally {
      this.#beNobody();
    }
  }

  async deleteAccount() {
    await this.#changeLogin("me", undefined, "DELETE");
    this.#beNobody();
  }

  #beNobody() {
    this.close();
    this.#become(null, null);
  }

  async #logIn(call, body) {
    const { user, token } = await this.#changeLogin(call, body);
    this.#become(user, token);
    // The connection has the login of before, which may be over; the next one takes up where it was.
    if (this.#socket) this.#lose(1006);
    return user;
  }

  /** What it ends may be heard of over the connection before the answer is here: that is no reason to stop. */
  async #changeLogin(call, body, method = "POST") {
    this.#changes += 1;
    try {
      return await this.http(method, `/api/auth/${call}`, body);
    } finally {
      this.#changes -= 1;
    }
  }

  #become(user, token) {
    if (user?.id !== this.user?.id) {
      this.#rejectAll({ code: "closed" });
      for (const room of [...this.rooms.values()]) this.#forget(room, null);
    }
    Object.assign(this, { user, token });
    this.#store(token ? { token, user, rooms: [...this.rooms.keys()] } : null);
  }

  async http(method, path, body) {
    const { url, fetch, credentials, times } = this.#options;
    const headers = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    if (body) headers["Content-Type"] = "application/json";
    let answer;
    try {
      const signal = AbortSignal.timeout(times.open);
      answer = await fetch(url + path, { method, headers, credentials, signal, body: body && JSON.stringify(body) });
    } catch (error) {
      throw new VotegameError({ code: "offline", message: String(error), retryable: true });
    }
    const told = await answer.json().catch(() => ({}));
    if (answer.ok) return told;
    const retry_after = told.retry_after ?? (Number(answer.headers.get("Retry-After")) || undefined);
    throw new VotegameError({ code: "unavailable", ...told, retry_after, status: answer.status });
  }

  // The connection (chapters 2 and 8).

  connect() {
    const { state } = this.status;
    if (!this.token) return Promise.reject(new VotegameError({ code: "unauthenticated" }));
    if (state === "open") return Promise.resolve();
    if (state === "idle" || state === "stopped") {
      this.#open();
      this.#watch();
    }
    const welcomed = new Promise((...ways) => this.#opening.push(ways));
    welcomed.catch(() => {}); // who does not wait for it sees `status`
    return welcomed;
  }

  close() {
    this.#finish({ state: "idle" }, "closed");
  }

  #finish(status, code) {
    this.#page?.abort();
    this.#page = null;
    this.#drop();
    this.#rejectAll({ code, reason: status.code });
    for (const [, reject] of this.#opening.splice(0)) reject(new VotegameError({ code, reason: status.code }));
    this.#say(status);
  }

  #say(status) {
    this.status = status;
    this.#dispatch("status", status);
  }

  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #after(name, ms, act) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(act, ms);
  }

  #open() {
    const { url, credentials, WebSocket, times } = this.#options;
    const [hint] = this.rooms.keys();
    const query = [hint && `room=${hint}`, credentials === "omit" && "cookie=no"].filter(Boolean).join("&");
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/ws${query && `?${query}`}`, [PROTOCOL]);
    this.#socket = socket;
    this.#openedAt = 0;
    this.#after("open", times.open, () => this.#lose(1006));
    socket.onopen = () => this.#ask("authenticate", { token: this.token }, (reply) => this.#authenticated(reply));
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = ({ code }) => this.#lose(code);
    this.#say({ state: "connecting" });
  }

  #authenticated(reply) {
    if (reply.type !== "error") return;
    if (reply.code === "bad_credentials") this.#lose(4401);
    else if (reply.code === "bad_message") this.#stop({ code: "another_user" }); // the cookie is somebody else's
    else this.#lose(1006, reply.retry_after);
  }

  #stop(why) {
    this.#finish({ state: "stopped", ...why }, "stopped");
  }

  /** Let go of the socket. One that is dead may take minutes to close: nobody waits for it. */
  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#asked.clear();
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {};
    socket.close(1000);
  }

  /** The connection is lost, with this close code; `seconds` are what the server asks to wait. */
  #lose(code, seconds = 0) {
    const { times, random } = this.#options;
    const wasWelcome = this.#openedAt > 0;
    if (wasWelcome && Date.now() - this.#openedAt >= times.stood) this.#failures = 0;
    this.#drop();
    for (const entry of [...this.#pending.values()].filter(({ state }) => state === "sent")) {
      if (NEVER_AGAIN.has(entry.frame.type)) this.#reject(entry, { code: "connection_lost" });
      else this.#queue(entry);
    }
    const way = comeBack(code);
    if (way === "no" || (way === "after_login" && !this.#hasNewerLogin() && !this.#changes)) return this.#stop({ code });
    const wait = backoff(this.#failures++, random, times);
    this.#mayHurry = way !== "later" && !seconds;
    this.#wait(way === "later" ? times.later * (1 + random() / 2) : seconds * 1000 + wait);
    if (!wasWelcome && way === "resume" && this.status.state === "waiting") this.#askForAdvice();
  }

  #wait(ms) {
    this.#after("wait", ms, () => this.#open());
    this.#say({ state: "waiting", retryAt: Date.now() + ms });
  }

  /** Another tab may have got the user a new login, as `register` does. */
  #hasNewerLogin() {
    const { token, user } = this.#kept();
    const isNewer = !!token && token !== this.token && user?.id === this.user?.id;
    if (isNewer) this.token = token;
    return isNewer;
  }

  /** Pages are not told why an upgrade was refused: a call may tell how long to wait. */
  async #askForAdvice() {
    const { status } = this;
    const { retryAfter, details } = await this.me().then(() => ({}), (error) => error);
    if (this.status !== status) return;
    if (details?.status === 401) return this.#lose(4401);
    if (!retryAfter) return;
    this.#mayHurry = false;
    this.#wait(Math.max(retryAfter * 1000 + backoff(0, this.#options.random), status.retryAt - Date.now()));
  }

  /** Notice when the page wakes up or the network changes: the socket may be dead and look open. */
  #watch() {
    const { page } = this.#options;
    if (!page.addEventListener || this.#page) return;
    this.#page = new AbortController();
    const { signal } = this.#page;
    const wake = () => this.wake();
    for (const type of ["online", "pageshow"]) page.addEventListener(type, wake, { signal });
    const seen = () => page.document.visibilityState === "visible" && wake();
    page.document?.addEventListener("visibilitychange", seen, { signal });
  }

  wake() {
    const { times, random } = this.#options;
    if (this.status.state === "open") this.#probe(times.awake);
    else if (this.status.state === "waiting" && this.#mayHurry) {
      this.#wait(Math.min(random() * times.hurry, Math.max(0, this.status.retryAt - Date.now())));
    }
  }

  #probe(ms) {
    this.#after("pong", ms, () => this.#lose(1006));
    this.#ask("ping", {}, () => clearTimeout(this.#timers.pong));
  }

  #listen() {
    const { silence, pong } = this.#options.times;
    const left = this.#heardAt + silence - Date.now();
    if (left <= 0) this.#probe(pong);
    this.#after("silence", left > 0 ? left : silence, () => this.#listen());
  }

  // Frames.

  /** Send a question of our own; `take` gets the reply, if one comes on this connection. */
  #ask(type, fields, take) {
    const id = uuid();
    this.#asked.set(id, take);
    this.#socket.send(JSON.stringify({ type, id, ...fields }));
  }

  #take(frame) {
    this.#heardAt = Date.now();
    if (frame.type === "welcome") this.#welcomed(frame);
    else if (frame.type === "ok" || frame.type === "error") this.#replied(frame);
    else this.#told(frame);
  }

  now() {
    return Date.now() + this.#offset;
  }

  #setClock({ server_time }) {
    if (server_time) this.#offset = server_time - Date.now();
  }

  #welcomed(frame) {
    if (frame.user.id !== this.user.id) return; // the reply to `authenticate` says so, too
    clearTimeout(this.#timers.open);
    this.limits = frame.limits;
    this.user = { ...this.user, ...frame.user };
    this.#setClock(frame);
    this.#openedAt = Date.now();
    this.#listen();
    for (const [resolve] of this.#opening.splice(0)) resolve();
    this.#say({ state: "open" });
    if (this.status.state !== "open") return; // who was told has closed it
    for (const room of this.rooms.values()) this.#resume(room);
    this.#flush();
  }

  #replied(frame) {
    const take = this.#asked.get(frame.id);
    this.#asked.delete(frame.id);
    if (frame.type === "ok") this.#setClock(frame.state ?? frame);
    if (take) return take(frame);
    const entry = this.#pending.get(frame.id);
    if (!entry) return;
    if (frame.type === "error") return this.#refused(entry, frame);
    this.#settle(entry);
    if (frame.state) this.#enter(frame);
    else if (entry.frame.type === "submit_answer" || entry.frame.type === "submit_vote") {
      const room = this.rooms.get(entry.frame.room_code);
      if (room?.state) this.#show(room, foldReply(room.state, entry.frame, frame), frame);
    }
    entry.resolve(frame);
    this.#flush();
  }

  #enter(ok) {
    const code = ok.room_code;
    if (!this.rooms.has(code)) this.rooms.set(code, new Room(this, code));
    this.#keepRooms((rooms) => [...new Set([...rooms, code])]);
    this.#show(this.rooms.get(code), ok.state, ok);
  }

  #told(frame) {
    const room = this.rooms.get(frame.room_code);
    // What comes again was said at another time.
    if (!(frame.seq <= room?.state?.seq)) this.#setClock(frame);
    if (!room) return "room_code" in frame ? undefined : this.#tell(frame);
    if (!room.state) return;
    if ("seq" in frame) {
      if (frame.seq <= room.state.seq || room.isBehind) return;
      if (frame.seq > room.state.seq + 1) return this.#resume(room);
    }
    const isOut = frame.type === "player_left" && frame.user_id === this.user.id;
    const state = isOut ? null : fold(room.state, frame, this.user.id);
    if (state) this.#show(room, state, frame);
    this.#tell(frame);
    if (!state) this.#forget(room, frame);
  }

  #tell(frame) {
    this.#dispatch("frame", frame);
    if (!OWN_EVENTS.has(frame.type)) this.#dispatch(frame.type, frame);
  }

  #show(room, state, frame) {
    if (room.state === state) return;
    room.state = state;
    this.#dispatch("room", { room_code: room.code, room, state, frame });
  }

  #forget(room, frame) {
    if (this.rooms.get(room.code) !== room) return;
    this.rooms.delete(room.code);
    this.#keepRooms((rooms) => rooms.filter((code) => code !== room.code));
    room.state = null;
    this.#dispatch("room", { room_code: room.code, room, state: null, frame });
  }

  /** Ask what was missed. Without a state, as after a reload, any stream will do: then a snapshot comes. */
  #resume(room, tries = 0) {
    const { again, backoffMost, pong, reply } = this.#options.times;
    const { code, state } = room;
    const retry = (ms) => this.#after(code, ms, () => this.#resume(room, tries + 1));
    room.isBehind = true;
    this.#ask("resume", { room_code: code, stream: state?.stream ?? uuid(), last_seq: state?.seq ?? 0 }, (told) => {
      clearTimeout(this.#timers[code]);
      if (this.rooms.get(code) !== room) return;
      if (told.type === "ok") this.#resumed(room, told);
      else if (told.retry_after) retry(told.retry_after * 1000);
      else if (told.retryable) retry(Math.min(backoffMost, again * 2 ** tries));
      else this.#expel(room, told);
    });
    this.#after(code, this.limits.reply_seconds * 1000 + reply, () => {
      this.#probe(pong);
      retry(0);
    });
  }

  #resumed(room, ok) {
    room.isBehind = false;
    if (!ok.recovered) return this.#show(room, ok.state, ok);
    if (room.state?.stream !== ok.stream) return this.#resume(room); // it has become another one meanwhile
    const missed = ok.events.filter((event) => event.seq > room.state.seq);
    this.#show(room, foldMissed(room.state, ok, this.user.id), ok);
    for (const event of missed) this.#tell(event);
  }

  /** One is no member any more: what was to be done there cannot be. */
  #expel(room, error) {
    for (const entry of [...this.#pending.values()]) {
      if (entry.frame.room_code === room.code && entry.frame.type !== "join_room") this.#end(entry, error);
    }
    this.#forget(room, error);
  }

  // Commands (chapter 4).

  createRoom(settings = {}) { return this.command("create_room", { settings }); }
  joinRoom(code, { role } = {}) { return this.command("join_room", { room_code: roomCode(code), role }); }
  ping() { return this.command("ping"); }

  room(code) { return this.rooms.get(roomCode(code)); }

  command(type, fields = {}) {
    const frame = { ...fields, type, id: uuid() };
    const text = JSON.stringify(frame);
    const { state } = this.status;
    const code =
      (state === "stopped" && "stopped") ||
      (state === "idle" && "closed") ||
      (state !== "open" && NEVER_AGAIN.has(type) && "offline") ||
      (this.#pending.size >= MOST_PENDING && "queue_full") ||
      (new TextEncoder().encode(text).length > (this.limits?.frame_bytes ?? 16384) && "too_large");
    if (code) return Promise.reject(new VotegameError({ code }));
    return new Promise((resolve, reject) => {
      this.#pending.set(frame.id, { frame, text, resolve, reject, state: "queued", tries: 0, givenAt: Date.now() });
      this.#flush();
    });
  }

  /** Send what waits, in order. Behind one that was sent too fast nothing is, or it would come in before it. */
  #flush() {
    if (this.status.state !== "open") return;
    for (const entry of [...this.#pending.values()]) {
      if (entry.state === "limited") return;
      if (entry.state !== "queued") continue;
      if (Date.now() - entry.givenAt > REMEMBERED_MS) this.#reject(entry, { code: "expired" });
      else this.#send(entry);
    }
  }

  #send(entry) {
    const { reply, pong } = this.#options.times;
    entry.state = "sent";
    entry.timer = setTimeout(() => {
      this.#probe(pong);
      this.#again(entry, { code: "unavailable", retryable: true }, 0);
    }, this.limits.reply_seconds * 1000 + reply);
    this.#socket.send(entry.text);
  }

  #refused(entry, error) {
    const { again, patience } = this.#options.times;
    const isLimited = error.code === "rate_limited";
    const asked = error.retry_after * 1000;
    const isOver = asked > patience || !(isLimited || error.retryable);
    if (isOver) this.#end(entry, error);
    else this.#again(entry, error, asked || again * 2 ** entry.tries, isLimited);
    this.#flush();
  }

  #again(entry, error, ms, isLimited = false) {
    clearTimeout(entry.timer);
    const isOver = NEVER_AGAIN.has(entry.frame.type) || (!isLimited && entry.tries++ >= MOST_TRIES);
    if (isOver) return this.#reject(entry, error);
    entry.state = isLimited ? "limited" : "waiting";
    entry.timer = setTimeout(() => {
      this.#queue(entry);
      this.#flush();
    }, ms);
  }

  #queue(entry) {
    clearTimeout(entry.timer);
    entry.state = "queued";
  }

  #settle(entry) {
    clearTimeout(entry.timer);
    this.#pending.delete(entry.frame.id);
  }

  #reject(entry, error) {
    this.#settle(entry);
    entry.reject(new VotegameError(error));
  }

  /** Who wants to leave and is out already has left. */
  #end(entry, error) {
    if (entry.frame.type !== "leave_room" || !OUT.has(error.code)) return this.#reject(entry, error);
    this.#settle(entry);
    entry.resolve({ type: "ok", id: entry.frame.id });
    const room = this.rooms.get(entry.frame.room_code);
    if (room) this.#forget(room, error);
  }

  #rejectAll(error) {
    for (const entry of [...this.#pending.values()]) this.#reject(entry, error);
  }

  // What happens, one after another.

  async *frames(code) {
    const only = code && roomCode(code);
    const queue = [];
    const over = new AbortController();
    const { signal } = over;
    let wake = () => {};
    let error = null;
    const end = (why) => {
      error = why;
      over.abort();
      wake();
    };
    const take = ({ detail }) => {
      if (only && detail.room_code !== only) return;
      if (queue.length >= MOST_FRAMES) return end(new VotegameError({ code: "too_slow" }));
      queue.push(detail);
      wake();
    };
    const isOver = ({ type, detail }) => (type === "room" ? detail.room_code === only && !detail.state
      : ["idle", "stopped"].includes(detail.state));
    this.addEventListener("frame", take, { signal });
    for (const type of ["room", "status"]) this.addEventListener(type, (event) => isOver(event) && end(null), { signal });
    try {
      for (;;) {
        if (queue.length) yield queue.shift();
        else if (error) throw error;
        else if (signal.aborted) return;
        else await new Promise((resolve) => (wake = resolve));
      }
    } finally {
      over.abort();
    }
  }

  [Symbol.asyncIterator]() { return this.frames(); }

  // What is kept over a reload: the login, and the rooms that one is in. Tabs share it.

  #kept() {
    const { storage, storageKey } = this.#options;
    try {
      return JSON.parse(storage?.getItem(storageKey)) ?? {};
    } catch {
      return {}; // forbidden, or not ours
    }
  }

  #keepRooms(changed) {
    const kept = this.#kept();
    // Another tab may have a newer login, or another user.
    if (kept.user?.id === this.user?.id) this.#store({ ...kept, rooms: changed(kept.rooms ?? []) });
  }

  #store(kept) {
    const { storage, storageKey } = this.#options;
    try {
      if (kept) storage?.setItem(storageKey, JSON.stringify(kept));
      else storage?.removeItem(storageKey);
    } catch {
      // It is full, or forbidden: a reload will not come back, that is all.
    }
  }
}

function roomCode(text) {
  return text.replace(/[\s-]/g, "").toUpperCase();
}
