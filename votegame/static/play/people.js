/* Who is in the room: badges, and the list. Names are not unique, so each has a colour of its own. */

import { app } from "./app.js";
import { h } from "./dom.js";
import { t } from "./words.js";

const N_COLOURS = 8;

function colour(userId) {
  let sum = 0;
  for (const letter of userId) sum = (sum * 31 + letter.charCodeAt(0)) % 9973;
  return sum % N_COLOURS;
}

/** The round badge with an initial. */
export function badge(userId, name) {
  return h("span", { class: `badge colour-${colour(userId)}`, "aria-hidden": "true" }, [...name][0]?.toUpperCase());
}

/** A name as a chip. */
export function person(state, one) {
  const isYou = !app.isScreen && one.user_id === app.client.user?.id;
  const marks = [
    one.user_id === state.host_id && t("people.host"),
    isYou && t("people.you"),
    one.role === "spectator" && t("people.watches"),
    !one.connected && t("people.away"),
  ].filter(Boolean);
  return h("li", { key: one.user_id, class: `person${one.connected ? "" : " away"}` },
    badge(one.user_id, one.display_name),
    h("bdi", { class: "name" }, one.display_name),
    marks.length > 0 && h("span", { class: "marks" }, marks.join(" · ")));
}

/** All players, at most so many, and who watches. */
export function people(state, most = 200) {
  const players = state.members.filter((one) => one.role === "player");
  const watching = state.members.length - players.length;
  const more = players.length - most;
  return [
    h("ul", { class: "people", role: "list" },
      players.slice(0, most).map((one) => person(state, one)),
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
