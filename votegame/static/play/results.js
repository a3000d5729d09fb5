/* After the vote: whose answer was whose, the board, and in the end who has won. */

import { app, nameOf } from "./app.js";
import { h } from "./dom.js";
import { named, namesakes } from "./people.js";
import { question } from "./play.js";
import { reactions } from "./reactions.js";
import { t } from "./words.js";

const STEPS = 3;

const isYours = (userId) => !app.isScreen && userId === app.client.user?.id;

/** The answers with their authors, best first. */
export function revealed(state, most = 200) {
  const { results } = state.round;
  if (results.length === 0) return h("p", { class: "card center" }, t("results.none"));
  const alike = namesakes(state);
  return h("ol", { class: "answers", role: "list" }, results.slice(0, most).map((one, place) => {
    const name = nameOf(state, one.user_id);
    const isBest = one.vote_count > 0 && one.vote_count === results[0].vote_count;
    return h("li", { key: one.answer_id, class: `answer result${isBest ? " best" : ""}`, style: { "--place": String(place) } },
      h("span", { class: "answer-text", dir: "auto", lang: state.settings.language }, one.content),
      h("span", { class: "author" }, named(one.user_id, name, alike),
        isYours(one.user_id) && h("span", { class: "marks" }, t("people.you"))),
      h("span", { class: "points" }, t("votes", { count: one.vote_count })));
  }));
}

/** The board: ranks, names, points. */
export function board(state, most = 200) {
  const alike = namesakes(state);
  return h("section", { class: "card", "aria-labelledby": "board" },
    h("h2", { id: "board" }, t("board.title")),
    h("ol", { class: "board", role: "list" }, state.leaderboard.slice(0, most).map((line) =>
      h("li", { key: line.user_id, class: isYours(line.user_id) ? "yours" : null },
        h("span", { class: "rank" }, line.rank),
        named(line.user_id, line.display_name, alike),
        h("span", { class: "points" }, t("points", { count: line.score }))))));
}

export function results(room) {
  const { state } = room;
  return h("main", { class: "play", id: "main" },
    question(room),
    h("h2", { class: "phase-title" }, t("results.title")),
    revealed(state),
    reactions(),
    board(state),
    !app.isHost && state.round.deadline == null && h("p", { class: "quiet center" }, t("results.wait")));
}

/** The first three ranks, of those who have points; who shares one shares its step. */
export function podium(state) {
  const alike = namesakes(state);
  const steps = Array.from({ length: STEPS }, (_, place) => state.leaderboard.filter((line) => line.rank === place + 1 && line.score > 0));
  return steps[0].length > 0 && h("ol", { class: "podium", role: "list" }, steps.map((step, place) => step.length > 0 &&
    h("li", { key: place, class: `step step-${place + 1}` },
      h("div", { class: "step-names" }, step.slice(0, 4).map((line) => h("p", { key: line.user_id, class: "step-name" },
        named(line.user_id, line.display_name, alike)))),
      h("p", { class: "step-block" }, h("span", { class: "rank" }, place + 1), h("span", null, t("points", { count: step[0].score }))))));
}

/** Who has won. */
export function winners(lines) {
  const names = lines.filter((line) => line.rank === 1 && line.score > 0).map((line) => line.display_name);
  if (names.length === 0) return t("finished.nobody");
  return t("finished.winner", { count: names.length, names: new Intl.ListFormat(document.documentElement.lang).format(names) });
}

export function finished(room) {
  const { state } = room;
  return h("main", { class: "play", id: "main" },
    h("h1", { class: "winner", tabindex: "-1" }, winners(state.leaderboard)),
    podium(state),
    reactions(),
    board(state),
    h("h2", { class: "phase-title" }, t("finished.last")),
    revealed(state),
    !app.isHost && h("p", { class: "quiet center" }, t("finished.wait")));
}
