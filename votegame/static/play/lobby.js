/* Before a game: how others get in, who is there, and what the host has chosen. */

import { app, guestsAt } from "./app.js";
import { botsForm } from "./bots.js";
import { h } from "./dom.js";
import { languagePicker } from "./languages.js";
import { people } from "./people.js";
import { seat } from "./play.js";
import { t } from "./words.js";

/** The code, the short link and the picture of it. */
export function invitation(code) {
  const link = `${guestsAt}/${code}`;
  return h("section", { key: "how", class: "card invitation", "aria-labelledby": "invite" },
    h("h2", { id: "invite" }, t("lobby.invite")),
    h("p", { class: "code big", role: "img", "aria-label": [...code].join(" ") }, code),
    h("img", { class: "qr", src: `/qr/${code}.svg`, alt: t("lobby.qr", { link }), width: "240", height: "240" }),
    h("p", { class: "link" }, h("bdi", null, link.replace(/^https?:\/\//, ""))));
}

export function lobby(state) {
  const n_players = state.members.filter((one) => one.role === "player").length;
  const who = h("section", { key: "who", class: "card", "aria-labelledby": "who" },
    h("h2", { id: "who" }, t("lobby.people", { count: n_players })),
    people(state),
    seat(state),
    state.locked && h("p", { class: "quiet" }, t("lobby.locked")),
    chosen(state),
    botsForm(state));
  const how = invitation(state.room_code);
  return h("main", { class: "lobby", id: "main" },
    h("h1", { tabindex: "-1" }, t("lobby.title")),
    h("p", { class: "lead" }, t(app.isHost ? "lobby.host" : state.you.role === "spectator" ? "lobby.watch" : "lobby.wait")),
    h("div", { class: "columns" }, app.isHost ? [how, who] : [who, how]),
    h("div", { class: "row" },
      app.isHost && h("a", { class: "quiet", href: `/${state.room_code}/screen`, target: "_blank", rel: "noopener" }, t("lobby.screen")),
      languagePicker()));
}

/** The settings, in a line. */
export function chosen({ settings }) {
  const parts = [
    t("settings.rounds.count", { count: settings.total_rounds }),
    t("settings.answer.count", { count: settings.answer_seconds }),
    t(`settings.tone.${settings.tone}`),
    settings.topic,
    settings.moderation === "on" && t("settings.checked"),
  ];
  return h("p", { class: "quiet", dir: "auto" }, parts.filter(Boolean).join(" · "));
}
