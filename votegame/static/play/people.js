/*
 * Who is in the room: badges, and the list. Names are not unique, so each has a colour of its own; where they look the same, the
 * end of the user's id stands beside them. It and the marks are elements of their own, which no name can imitate.
 */

import { app } from "./app.js";
import { h } from "./dom.js";
import { t } from "./words.js";

const N_COLOURS = 8;
const TAG_CHARS = 4;

const visible = (text) => text.replace(/[\p{Default_Ignorable_Code_Point}\s]/gu, "");
const looks = (name) => visible(visible(name).normalize("NFKC")).toLowerCase();

function colour(userId) {
  let sum = 0;
  for (const letter of userId) sum = (sum * 31 + letter.charCodeAt(0)) % 9973;
  return sum % N_COLOURS;
}

/** The ids of all in the room and on the board whose names look like that of another. */
export function namesakes(state) {
  const names = new Map([...state.leaderboard, ...state.members].map((one) => [one.user_id, looks(one.display_name)]));
  const counts = new Map();
  for (const look of names.values()) counts.set(look, (counts.get(look) ?? 0) + 1);
  return new Set([...names.keys()].filter((userId) => counts.get(names.get(userId)) > 1));
}

/** What tells a namesake from the others. */
export const tag = (userId) => userId.slice(-TAG_CHARS);

/** The round badge with an initial, the name, and the tag of one of the namesakes. */
export function named(userId, name, alike) {
  return [
    h("span", { class: `badge colour-${colour(userId)}`, "aria-hidden": "true" }, [...name][0]?.toUpperCase()),
    h("bdi", { class: "name" }, name),
    alike.has(userId) && h("span", { class: "tag" }, tag(userId)),
  ];
}

/** A name as a chip. */
export function person(state, one, alike) {
  const isYou = !app.isScreen && one.user_id === app.client.user?.id;
  const marks = [
    one.user_id === state.host_id && t("people.host"),
    isYou && t("people.you"),
    one.role === "spectator" && t("people.watches"),
    !one.connected && t("people.away"),
  ].filter(Boolean);
  return h("li", { key: one.user_id, class: `person${one.connected ? "" : " away"}` },
    named(one.user_id, one.display_name, alike),
    marks.length > 0 && h("span", { class: "marks" }, marks.join(" · ")));
}

/** All players, at most so many, and who watches. */
export function people(state, most = 200) {
  const players = state.members.filter((one) => one.role === "player");
  const watching = state.members.length - players.length;
  const more = players.length - most;
  const alike = namesakes(state);
  return [
    h("ul", { class: "people", role: "list" },
      players.slice(0, most).map((one) => person(state, one, alike)),
      more > 0 && h("li", { key: "more", class: "person more" }, t("people.more", { count: more }))),
    watching > 0 && h("p", { class: "quiet" }, t("people.watching", { count: watching })),
  ];
}

/** Who is not there, of those who play. */
export function away(state) {
  const names = state.members.filter((one) => one.role === "player" && !one.connected).map((one) => one.display_name);
  if (names.length === 0) return null;
  const listed = new Intl.ListFormat(document.documentElement.lang).format(names.slice(0, 6));
  return h("p", { class: "quiet" }, t("people.missing", { names: listed, count: names.length }));
}

/** How many have acted, and who is not there. */
export function progress(state) {
  const { submitted_count: count, participant_count: total } = state.round;
  const key = state.phase === "voting" ? "progress.voted" : "progress.answered";
  return h("div", { class: "progress" },
    h("p", { class: "progress-text" }, t(key, { count, total })),
    h("div", { class: "progress-bar", "aria-hidden": "true", style: { "--done": String(total ? count / total : 0) } }),
    away(state));
}
