/* The big screen: what everybody may see, readable from a sofa. It has no seat, and shows nothing of anybody's own. */

import { app, guestsAt } from "./app.js";
import { h } from "./dom.js";
import { invitation } from "./lobby.js";
import { people, progress } from "./people.js";
import { isPaused, question } from "./play.js";
import { board, podium, revealed, winners } from "./results.js";
import { soundButton } from "./sound.js";
import { t } from "./words.js";

const MOST_ANSWERS = 24;
const MOST_PEOPLE = 40;
const MOST_LINES = 10;
const FEW = 6;
const SOME = 12;
const SIZES = [1.25, 1.12, 1, 0.92, 0.84, 0.77, 0.7, 0.62, 0.55, 0.48];

const crowd = (count) => (count <= FEW ? "few" : count <= SOME ? "some" : "many");

const VIEWS = {
  lobby: ({ state }) => [
    h("h1", { class: "unseen", tabindex: "-1" }, t("lobby.title")),
    h("div", { class: "columns" },
      invitation(state.room_code),
      h("section", { class: "card", "aria-labelledby": "who" },
        h("h2", { id: "who" }, t("lobby.people", { count: state.members.filter((one) => one.role === "player").length })),
        people(state, MOST_PEOPLE),
        state.locked && h("p", { class: "quiet" }, t("lobby.locked")),
        h("p", { class: "lead" }, t("screen.wait")))),
  ],
  answering: (room) => [
    question(room),
    !isPaused(room.state) && h("p", { class: "lead center" }, t("screen.answer")),
    progress(room.state),
  ],
  voting: (room) => {
    const { answers } = room.state.round;
    return [
      question(room),
      h("ul", { class: `answers ${crowd(answers.length)}`, role: "list" }, answers.slice(0, MOST_ANSWERS).map((one) =>
        h("li", { key: one.id, class: "answer" },
          h("span", { class: "answer-text", dir: "auto", lang: room.state.settings.language }, one.content)))),
      answers.length > MOST_ANSWERS && h("p", { class: "quiet center" }, t("screen.more", { count: answers.length - MOST_ANSWERS })),
      progress(room.state),
    ];
  },
  results: (room) => [
    question(room),
    h("div", { class: "columns wide" },
      h("div", { class: crowd(room.state.round.results.length) }, revealed(room.state, MOST_LINES)),
      board(room.state, MOST_LINES)),
  ],
  finished: ({ state }) => [
    h("h1", { class: "winner", tabindex: "-1" }, winners(state.leaderboard)),
    h("div", { class: "columns wide" }, podium(state), board(state, MOST_LINES)),
  ],
};

export function screen(room) {
  return h("main", { class: `screen phase-${room.state.phase}`, id: "main" }, VIEWS[room.state.phase](room));
}

/** The line above: how to get in, all the time. */
export function screenTop() {
  return h("header", { class: "top" },
    h("p", { class: "wordmark" }, "votegame"),
    h("p", { class: "top-join" }, t("screen.join"), " ", h("bdi", null, guestsAt.replace(/^https?:\/\//, "")), " ", h("strong", { class: "code" }, app.code)),
    soundButton());
}

/** As large as all of it can be seen: nobody scrolls a TV. */
export function fit() {
  const { body, documentElement: page } = document;
  for (const size of SIZES) {
    body.style.setProperty("--fit", String(size));
    if (page.scrollHeight <= page.clientHeight) return;
  }
}
