/*
 * Bots at one's own table. They are in a worker, which is loaded when somebody wants them: this page knows how many there are,
 * and keeps for them, over a reload, what they have.
 */

import { act, app, say, tell } from "./app.js";
import { h } from "./dom.js";
import { problem, t } from "./words.js";

const WORKER = "/static/bots/worker.js";
const KEPT = "votegame:bots";
const MOST = 8; // at a table; a server lets in 20 guests an hour from one address
const USUAL = 3;

let worker = null;
let n_asked = 0;
const asked = new Map(); // what they were asked and have not done yet, by id
let rooms = {}; // how many are where

/** How many are in this room. */
export const botsIn = (code) => rooms[code] ?? 0;

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) ?? {};
  } catch {
    return {}; // forbidden, or not ours
  }
}

function keep(bots) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(bots));
  } catch {
    // Forbidden, or full: a reload leaves them behind.
  }
}

function started() {
  if (worker) return worker;
  worker = new Worker(WORKER, { type: "module" });
  worker.addEventListener("message", ({ data }) => heard(data));
  worker.addEventListener("error", failed);
  worker.postMessage({ type: "begin", kept: kept() });
  return worker;
}

function heard({ type, id, ...told }) {
  if (type === "told") {
    rooms = told.rooms;
    keep(told.kept);
    app.draw();
    return;
  }
  asked.get(id)?.(told);
  asked.delete(id);
}

/** It could not be loaded, or has a fault: nobody comes, and nobody stays. */
function failed() {
  worker.terminate();
  worker = null;
  rooms = {};
  for (const answer of asked.values()) answer(null);
  asked.clear();
  tell(t("bots.none"));
}

function ask(type, fields) {
  n_asked += 1;
  const id = n_asked;
  return new Promise((answer) => {
    asked.set(id, answer);
    started().postMessage({ type, id, ...fields });
  });
}

/** After a reload: those who were there come back. */
export function comeBack() {
  if (Object.values(kept()).some((text) => JSON.parse(text).rooms?.length > 0)) started();
  const wake = () => document.visibilityState === "visible" && worker?.postMessage({ type: "wake" });
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("pageshow", wake);
}

/** Have so many come to a room. */
export function come(room_code, count = USUAL) {
  return act("bots.add", async () => {
    const taken = app.client.room(room_code).state.members.map((one) => one.display_name);
    const told = await ask("come", { room_code, count, taken });
    if (told?.refusal) tell(t("bots.some", { count: told.n_came, total: count, why: problem(told.refusal) }));
    else if (told) say(t("bots.came", { count }));
  }).then(() => requestAnimationFrame(goOn));
}

/** Who used a button that is gone now goes on at the one beside it. */
function goOn() {
  if (document.activeElement !== document.body) return;
  document.querySelector("[name='bots.add'], [name='bots.remove'], [name=more]")?.focus();
}

/** The button that sends them away. */
export const sendAway = (code) => h("button", {
  key: "bots.remove", class: "button", type: "button", name: "bots.remove", disabled: app.busy.has("bots.remove"),
  onclick: () => act("bots.remove", () => ask("go", { room_code: code })).then(() => requestAnimationFrame(goOn)),
}, t("bots.remove"));

/** For the host in the lobby: how many shall come. For whoever has some here: that they shall go. */
export function botsForm({ room_code, members, settings }) {
  const n_here = botsIn(room_code);
  const n_free = settings.max_players - members.filter((one) => one.role === "player").length;
  const most = Math.min(MOST - n_here, n_free);
  const isBusy = app.busy.has("bots.add");
  const add = (event) => {
    event.preventDefault();
    come(room_code, Math.min(most, Number(event.currentTarget.elements.bots.value)));
  };
  if (!app.isHost && n_here === 0) return null;
  return h("form", { key: "bots", class: "bots", onsubmit: add },
    app.isHost && (most > 0 || isBusy) && [
      h("label", { key: "number", class: "field" },
        h("span", null, t("bots.number")),
        h("select", { name: "bots", value: String(Math.min(USUAL, most)), disabled: isBusy },
          Array.from({ length: Math.max(1, most) }, (_, place) => h("option", { key: place, value: String(place + 1) }, place + 1)))),
      // Not disabled, or who pressed it by the keyboard would be nowhere.
      h("button", { key: "add", class: "button", name: "bots.add", "aria-disabled": String(isBusy) }, t(isBusy ? "bots.coming" : "bots.add")),
    ],
    n_here > 0 && sendAway(room_code),
    h("p", { key: "why", class: "quiet" }, t(n_here > 0 ? "bots.stay" : "bots.what")));
}
