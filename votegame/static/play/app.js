/*
 * What the views share: the client, where one is, and what this device alone knows. All that a room is stands in its
 * `state`; nothing here outlives a reload but a draft.
 */

import { VotegameClient } from "/static/votegame-client.js";
import { problem, t } from "./words.js";

const DRAFT = "votegame:draft";
const NOTE_MS = 7000;
const SETTLE_MS = 600;
const DONE_ELSEWHERE = new Set(["already_answered", "already_voted", "self_vote"]);

/** For notes that only say that something is done. */
export const DONE_MS = 2500;

export const app = {
  client: new VotegameClient(),
  code: null, // of the room that the address names
  isScreen: false, // for a TV: shows what everybody may see
  refusal: null, // why one is not in that room, or why the address names none
  isQuiet: true, // a lost connection is told only when it is not back at once
  busy: new Set(), // names of what is under way
  asked: null, // what has to be confirmed
  isAnother: false, // whether somebody else than before wants to play here
  account: null, // the page about accounts that one has opened: `login`, `register`, `own` or `delete`
  elsewhere: [], // rooms that the account has on other devices
  wrong: null, // the field of a form that was not taken, and why
  hasMore: false, // whether the host sees all that he can do
  note: "",
  noteTimer: 0,
  changedAt: 0, // when the page became another one, by `performance.now()`
  knockedAt: null, // the room that a screen has tried to get into
  draw: () => {},
  get room() {
    return this.code ? (this.client.room(this.code) ?? null) : null;
  },
  get state() {
    return this.room?.state ?? null;
  },
  get isHost() {
    return !this.isScreen && !!this.room?.isHost;
  },
};

/** Where guests find this server: for the one at the machine itself, its address in the network. */
export const guestsAt = document.documentElement.dataset.guests || location.origin;

/** Go to the page of a room, or home, without loading anything. */
export function go(code, isScreen = false) {
  const path = code ? `/${code}${isScreen ? "/screen" : ""}` : "/";
  if (path !== location.pathname) history.pushState(null, "", path);
  Object.assign(app, { code, isScreen, refusal: null, asked: null, wrong: null, account: null });
  app.draw();
}

/** Where the address says that one is. */
export function locate() {
  const [, code, view] = /^\/([2-9A-HJ-NP-Z]{6})(\/screen)?\/?$/i.exec(location.pathname) ?? [];
  const refusal = code || location.pathname === "/" ? null : { code: "code" };
  Object.assign(app, { code: code?.toUpperCase() ?? null, isScreen: !!view, refusal, asked: null, account: null });
}

/** Show a page about accounts, or none any more. */
export function showAccount(what) {
  app.account = what;
  app.draw();
}

/** Do something under this name, once at a time; returns what it gave, or tells people what went wrong. */
export async function act(name, work) {
  if (app.busy.has(name)) return undefined;
  app.busy.add(name);
  app.note = ""; // it was about what came before
  app.draw();
  try {
    return await work();
  } catch (error) {
    if (!error.code) throw error; // no refusal: a fault of ours, for the console
    tell(problem(error));
    if (DONE_ELSEWHERE.has(error.code)) refresh();
    return undefined;
  } finally {
    app.busy.delete(name);
    app.draw();
  }
}

const tabs = "BroadcastChannel" in window ? new BroadcastChannel("votegame") : null;
tabs?.addEventListener("message", ({ data }) => data === app.code && refresh());

/** One has answered or voted here: the other tabs, which are the same member, are not told so by the server. */
export const acted = (code) => tabs?.postMessage(code);

/** Have the room as the server has it for this user. */
const refresh = () => app.room && app.client.joinRoom(app.code).catch(() => {});

/** Whether the page has been what it is for long enough to be touched on purpose. */
export const isSettled = () => performance.now() - app.changedAt >= SETTLE_MS;

/** The page has become another one. */
export function changed() {
  Object.assign(app, { asked: null, wrong: null, hasMore: false, changedAt: performance.now() });
  setTimeout(app.draw, SETTLE_MS + 1);
}

/** Show a note for a while; screen readers say it. */
export function tell(text, ms = NOTE_MS) {
  app.note = text;
  clearTimeout(app.noteTimer);
  app.noteTimer = setTimeout(() => {
    app.note = "";
    app.draw();
  }, ms);
  app.draw();
}

/** Have screen readers say something. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** Be somebody, connected: with this name, or as who this browser is already. */
export async function enter(name) {
  const { client } = app;
  if (name && name !== client.user?.display_name) {
    client.close();
    await client.guest(name);
    app.isAnother = false;
  }
  await client.connect();
}

/** What was typed for this round; it is there again after a reload, and says later what one has sent. */
export function draft(roundId) {
  try {
    const { round_id, text } = JSON.parse(localStorage.getItem(DRAFT)) ?? {};
    return round_id === roundId ? text : "";
  } catch {
    return "";
  }
}

export function keepDraft(round_id, text) {
  try {
    localStorage.setItem(DRAFT, JSON.stringify({ round_id, text }));
  } catch {
    // Forbidden, or full: a reload forgets it.
  }
}

export const nameOf = (state, userId) =>
  state.members.find((one) => one.user_id === userId)?.display_name ??
  state.leaderboard.find((one) => one.user_id === userId)?.display_name ??
  t("people.gone");
