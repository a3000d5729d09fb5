/* The time that is left, by the server's clock: drawn with the page, and kept true by a tick in between. */

import { app, say } from "./app.js";
import { h } from "./dom.js";
import { play } from "./sound.js";
import { t } from "./words.js";

const SAID_AT = [30, 10, 5];
const HURRY_SECONDS = 10;
const TICKS_FROM = 5;

let saidFor = null;
let lastSeconds = null;

const seconds = (room) => (room.remainingMs == null ? null : Math.ceil(room.remainingMs / 1000));

function shown(room) {
  const { remaining_ms: paused, time_limit } = room.state.round;
  const left = seconds(room);
  const clock = left >= 100 ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : String(left);
  return {
    text: clock,
    isLong: String(clock.length > 2),
    mood: paused != null ? "paused" : left <= HURRY_SECONDS ? "hurry" : "calm",
    part: String(Math.min(1, room.remainingMs / (1000 * (time_limit || 1)))),
  };
}

/** The clock of the phase, where one runs. */
export function timer(room) {
  if (room.state.round == null || seconds(room) == null) return null;
  const { text, isLong, mood, part } = shown(room);
  return h("div", { class: "timer", "data-mood": mood, "data-long": isLong, style: { "--left": part }, role: "timer", "aria-label": t("timer") },
    h("span", { class: "timer-text", "data-timer": "" }, text));
}

/** Have the clock that is shown be right, and the last seconds be heard. */
export function tick() {
  const { room } = app;
  if (!room?.state?.round || seconds(room) == null) return;
  const { text, isLong, mood, part } = shown(room);
  for (const element of document.querySelectorAll("[data-timer]")) {
    if (element.firstChild && element.firstChild.data !== text) element.firstChild.data = text;
    Object.assign(element.parentElement.dataset, { mood, long: isLong });
    element.parentElement.style.setProperty("--left", part);
  }
  if (mood !== "paused") announce(room);
}

function announce(room) {
  const { phase, round } = room.state;
  const left = seconds(room);
  const current = `${round.round_id}${phase}`;
  if (saidFor !== current) lastSeconds = null;
  const passed = SAID_AT.find((mark) => left <= mark && lastSeconds > mark);
  if (left !== lastSeconds && left > 0 && left <= TICKS_FROM && lastSeconds != null) play("tick");
  saidFor = current;
  lastSeconds = left;
  if (passed) say(t("timer.left", { count: passed }));
}
