/**
 * The client of votegame.v1, for pages and for Node.js. Chapters are those of `protocol/v1.md`.
 *
 * ```js
 * const client = new VotegameClient();                 // of the server that this page is from
 * if (!client.token) await client.guest("Ben");
 * await client.connect();                              // goes on with the rooms of before a reload, too
 * client.addEventListener("room", ({ detail }) => draw(detail.state));
 * const { room_code } = await client.joinRoom("ABC234");
 * await client.room(room_code).submitAnswer("The Night Shift");
 * ```
 *
 * It comes back by itself when the connection is lost, resumes its rooms, and sends again what had no reply, with the
 * same `id`. Each command resolves with its `ok`, or rejects with a `VotegameError`.
 */

export type Phase = "lobby" | "answering" | "voting" | "results" | "finished";
export type Role = "player" | "spectator";
export type Reaction = "applause" | "laugh" | "heart" | "surprise" | "sad" | "fire" | "thumbs_up" | "thumbs_down";

/** What a room shows of its settings (chapter 11). A later server may have more. */
export interface Settings {
  max_players: number;
  total_rounds: number;
  answer_seconds: number;
  vote_seconds: number;
  results_seconds: number;
  late_join: boolean;
  vote_updates: "counts" | "progress";
  host_away: "promote" | "wait" | "auto";
  topic: string;
  language: string;
  tone: "family" | "default" | "spicy";
  moderation?: "off" | "on";
}

/** What a host may choose; `questions` are never shown to anybody before they are asked. */
export type SettingsChange = Partial<Settings> & { questions?: string[] };

export interface Member {
  user_id: string;
  display_name: string;
  connected: boolean;
  score: number;
  role: Role;
  has_played: boolean;
}

export interface Answer {
  id: string;
  content: string;
  /** Not there with `vote_updates` `"progress"`. */
  vote_count?: number;
}

export interface Result {
  answer_id: string;
  content: string;
  user_id: string;
  vote_count: number;
}

export interface BoardLine {
  rank: number;
  user_id: string;
  display_name: string;
  score: number;
}

export interface Round {
  round_id: string;
  round_number: number;
  total_rounds: number;
  question: string;
  time_limit: number | null;
  deadline: number | null;
  /** Only while the game is paused. */
  remaining_ms?: number;
  submitted_count: number;
  participant_count: number;
  answers: Answer[] | null;
  results: Result[] | null;
}

export interface You {
  role: Role;
  plays: boolean;
  answer_id: string | null;
  vote: { vote_id: string; answer_id: string } | null;
  /** Only when one's last answer was left out, and there is no other. */
  answer_flagged?: { answer_id: string; reason: string };
}

/** The snapshot of chapter 6, kept up to date. It is never changed in place: another state is another object. */
export interface RoomState {
  room_code: string;
  stream: string;
  seq: number;
  phase: Phase;
  server_time: number;
  host_id: string;
  locked: boolean;
  settings: Settings;
  own_question_count: number;
  members: Member[];
  round: Round | null;
  you: You;
  leaderboard: BoardLine[];
}

/** An event (with a `seq`), a notice (without one), or a reply, as it came. */
export interface Frame {
  type: string;
  room_code?: string;
  seq?: number;
  server_time?: number;
  [field: string]: any;
}

export interface Ok {
  type: "ok";
  id: string;
}
export interface Entered extends Ok {
  room_code: string;
  state: RoomState;
}

export interface User {
  id: string;
  display_name: string;
  guest?: boolean;
  email?: string;
}

/** `welcome.limits` (chapter 11). */
export type Limits = Record<string, number>;

/**
 * How the connection is.
 *
 * - `idle`: not wanted; `connect` has not been called, or `close` has.
 * - `connecting`, `open`: under way; there.
 * - `waiting`: lost, and tried again at `retryAt`, by this machine's clock.
 * - `stopped`: there is no coming back by itself. `code` says why: the close code (4401: log in again as the same user,
 *   then `connect`; 4409: a newer connection has taken over; 1002 and the like: a fault of the client's), or
 *   `another_user`, when the cookie of this browser has become that of somebody else.
 */
export type Status =
  | { state: "idle" | "connecting" | "open" }
  | { state: "waiting"; retryAt: number }
  | { state: "stopped"; code: number | "another_user" };

/**
 * A refusal, by the server or by this client. `code` is one of the protocol's (chapter 11), or one of:
 *
 * - `offline`: no connection, and the command is one that is of no use later (`react`, `ping`); or a call that did not
 *   come through.
 * - `connection_lost`: likewise, when it was lost before the reply.
 * - `queue_full`: 64 commands wait already.
 * - `too_large`: it is over `limits.frame_bytes`; the server would close the connection for it.
 * - `expired`: it has waited for 9 minutes; sent again now, it might be done twice.
 * - `stopped`, `closed`: the connection has stopped (`details.reason` is the `code` of its status); or `close` was
 *   called, or somebody else has logged in.
 * - `too_slow`: a reader of `frames()` is 1000 behind.
 */
export class VotegameError extends Error {
  constructor(error: { code: string; message?: string; retryable?: boolean; retry_after?: number; [detail: string]: unknown });
  readonly name: "VotegameError";
  readonly code: string;
  /** Whether the same may be tried again, as it is. This client has done so already, five times, where it could. */
  readonly retryable: boolean;
  /** Seconds after which it may be tried again, or null. Short ones this client waits by itself. */
  readonly retryAfter: number | null;
  /** The rest of the error: `phase` of a `wrong_phase`, `field` of a `bad_message`; `status` of a call. */
  readonly details: Record<string, unknown>;
}

/** The waits of the client, in milliseconds. */
export interface Times {
  /** The most that the first wait for a new connection takes, which is a random one; doubled each time it fails. */
  backoff: number;
  backoffMost: number;
  /** After a connection has stood for so long, the next wait is a short one again. */
  stood: number;
  /** After 1013; and up to half as much again. */
  later: number;
  /** For a connection to be welcomed, and for a call. */
  open: number;
  /** Without a frame, before a `ping` is sent. */
  silence: number;
  /** For the reply to it; then the connection counts as lost. */
  pong: number;
  /** The same when the page has woken up, or the network is back. */
  awake: number;
  /** The most that is waited for a new connection then, unless the server has asked for more. */
  hurry: number;
  /** Before a command whose outcome is unknown is sent again; doubled each time. */
  again: number;
  /** A `retry_after` over this is not waited for: the command is rejected, so that the user can be told. */
  patience: number;
  /** That a reply may take beyond `limits.reply_seconds`. */
  reply: number;
}
export const TIMES: Readonly<Times>;

/** What this client needs of a storage; `localStorage` and `sessionStorage` are such. */
export interface KeyValueStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface Options {
  /** Of the server, as in `https://example.org`; in a page, without it, where the page is from. */
  url?: string;
  /**
   * Keeps the login and the codes of one's rooms over a reload; null for nothing. In a page `localStorage`, which all tabs
   * share: they are one user, with a connection each. For tabs that are users of their own, `sessionStorage` together with
   * `credentials: "omit"`, as they share the cookie as well.
   */
  storage?: KeyValueStorage | null;
  /** Without it, `votegame:` and the URL. */
  storageKey?: string;
  /**
   * Of `fetch`. `same-origin` lets the login set its cookie, by which a connection is known from its first byte on. `omit` is
   * for users beside the one of the browser: sockets then ask the server not to look at the cookie that they bring along.
   */
  credentials?: "same-origin" | "omit" | "include";
  /** Constructor of sockets. */
  WebSocket?: new (url: string, protocols: string[]) => any;
  fetch?: (url: string, init: any) => Promise<any>;
  /** A number from 0 to 1, for waits. */
  random?: () => number;
  /** Where `online` and `pageshow` are told, and by its `document` `visibilitychange`: the global object of a page. */
  page?: any;
  times?: Partial<Times>;
}

/** What to do after a close code: `resume`, come `later`, `after_login`, or `no`. */
export function comeBack(code: number): "resume" | "later" | "after_login" | "no";

/** Milliseconds to wait before connecting after so many failures: a random time, so that not all come at once. */
export function backoff(failures: number, random?: () => number, times?: Times): number;

/** The state after an event or a notice; null when there is no room any more. What is unknown only counts. */
export function fold(state: RoomState, frame: Frame, userId: string): RoomState | null;

/** The state after the `ok` of a `resume` with `events`; some of them may be known already. */
export function foldMissed(state: RoomState, ok: { events: Frame[]; now: any }, userId: string): RoomState;

/** The state after the `ok` to one's own `submit_answer` or `submit_vote`. */
export function foldReply(state: RoomState, command: Frame, ok: Frame): RoomState;

/** A room that one is in, and its commands, whose fields and errors chapters 5 and 7 tell. */
export class Room {
  constructor(client: VotegameClient, code: string);
  readonly code: string;
  /** Null until the first snapshot has come, and when one is no member any more. */
  readonly state: RoomState | null;
  /** Whether it has asked for what it missed: what `state` shows may be over. */
  readonly isBehind: boolean;
  /** That of the present round, which commands name unless they are given another one. */
  get roundId(): string | undefined;
  get isHost(): boolean;
  /** Milliseconds that are left of the phase, by the server's clock; null when no clock runs for it. */
  get remainingMs(): number | null;
  leaveRoom(): Promise<Ok>;
  updateSettings(settings: SettingsChange): Promise<Ok & { settings: Settings; own_question_count: number }>;
  startGame(): Promise<Ok & { round_id: string }>;
  nextRound(): Promise<Ok & { round_id: string }>;
  submitAnswer(answer: string, round_id?: string): Promise<Ok & { answer_id: string }>;
  startVoting(round_id?: string): Promise<Ok>;
  endRound(round_id?: string): Promise<Ok>;
  submitVote(answer_id: string, round_id?: string): Promise<Ok & { vote_id: string }>;
  kickPlayer(user_id: string): Promise<Ok>;
  lockRoom(): Promise<Ok>;
  unlockRoom(): Promise<Ok>;
  transferHost(user_id: string): Promise<Ok>;
  pauseGame(): Promise<Ok>;
  resumeGame(): Promise<Ok>;
  extendPhase(seconds: number, round_id?: string): Promise<Ok & { deadline: number | null }>;
  skipQuestion(round_id?: string): Promise<Ok & { round_id: string }>;
  playAgain(): Promise<Ok>;
  react(reaction: Reaction): Promise<Ok>;
}

/** What the event `room` tells: what is known of a room has changed, by `frame` (null: somebody else has logged in). */
export interface RoomChange {
  room_code: string;
  room: Room;
  state: RoomState | null;
  frame: Frame | null;
}

/**
 * One user's connection. Events are `room`, `status`, `frame` (each event and notice of the protocol, once, in order; also
 * those that were missed), and the `type` of each such frame, as in `addEventListener("round_ended", ...)`. After a long
 * absence a snapshot takes the place of the frames that were missed, so draw from `room`.
 */
export class VotegameClient extends EventTarget {
  constructor(options?: Options);
  /** That of the login, or null. */
  readonly token: string | null;
  readonly user: User | null;
  /** Null before the first `welcome`. */
  readonly limits: Limits | null;
  readonly status: Status;
  /** Those that one is in, by their codes. */
  readonly rooms: ReadonlyMap<string, Room>;

  /** Become a new guest. Whoever has a `token` already is somebody, and had best remain so. */
  guest(display_name: string): Promise<User>;
  /** A guest who registers keeps his user, and with it his seats. */
  register(email: string, password: string, display_name: string): Promise<User>;
  login(email: string, password: string): Promise<User>;
  changePassword(old_password: string, new_password: string): Promise<User>;
  /** End this login and forget it. It is forgotten even if the server cannot be reached. */
  logout(): Promise<void>;
  /** Delete the account with all its logins. If that is refused one is logged in as before; without an answer it may have been done. */
  deleteAccount(): Promise<void>;
  me(): Promise<{ user: User; rooms: { room_code: string; phase: Phase }[] }>;
  /** Any call of the HTTP API, as in `http("GET", "/api/rooms/ABC234")`. */
  http(method: string, path: string, body?: object): Promise<any>;

  /** Connect, and stay so. Resolves when welcomed; rejects when there is no login, or no coming back. */
  connect(): Promise<void>;
  /** Close the connection and stay away until `connect`. One's seats are kept. */
  close(): void;
  /** Look whether the connection still stands, or come back soon. Pages that wake up do so by themselves. */
  wake(): void;
  /** Milliseconds since the Unix epoch, by the server's clock. */
  now(): number;

  createRoom(settings?: SettingsChange): Promise<Entered>;
  joinRoom(code: string, options?: { role?: Role }): Promise<Entered>;
  ping(): Promise<Ok & { server_time: number }>;
  /** Any command. While the connection is lost it waits for the next one, up to 64 of them, but for `react` and `ping`. */
  command(type: string, fields?: object): Promise<any>;
  /** The room of this code, in any spelling, if one is in it. */
  room(code: string): Room | undefined;

  /** Events and notices from the first `next()` on, of one room or of all; ends when the room or the connection does. */
  frames(code?: string): AsyncGenerator<Frame, void, void>;
  [Symbol.asyncIterator](): AsyncGenerator<Frame, void, void>;

  addEventListener(type: "room", listener: (event: CustomEvent<RoomChange>) => void, options?: ListenerOptions): void;
  addEventListener(type: "status", listener: (event: CustomEvent<Status>) => void, options?: ListenerOptions): void;
  addEventListener(type: string, listener: (event: CustomEvent<Frame>) => void, options?: ListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: ListenerOptions): void;
}

type ListenerOptions = boolean | AddEventListenerOptions;
