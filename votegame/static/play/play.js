/* The phone during a round: the question, one's answer, one's vote. */

import { act, acted, app, draft, keepDraft, say } from "./app.js";
import { h } from "./dom.js";
import { progress } from "./people.js";
import { reactions } from "./reactions.js";
import { timer } from "./timer.js";
import { t } from "./words.js";

export const isPaused = ({ round }) => round?.remaining_ms != null;

/** Which round, how long, and what is asked. */
export function question(room) {
  const { round, settings } = room.state;
  return h("div", { class: "question-box" },
    h("div", { class: "round-line" },
      h("p", { class: "round-number" }, t("round.number", { number: round.round_number, total: round.total_rounds })),
      timer(room)),
    h("h1", { class: "question", tabindex: "-1", dir: "auto", lang: settings.language }, round.question),
    isPaused(room.state) && h("p", { class: "paused" }, t("round.paused")));
}

const mayAct = ({ you }) => you.plays && you.role === "player";

/** Why one has nothing to do in this round. */
function onlyWatches(state) {
  const key = state.you.role === "spectator" ? "round.spectator" : "round.late";
  return h("div", { class: "card center" }, h("p", { class: "lead" }, t(key)), progress(state), seat(state), reactions());
}

/** For one who watches: a way to a seat, if there is one. */
export function seat({ you, room_code }) {
  if (you.role !== "spectator") return null;
  const take = () => act("seat", () => app.client.joinRoom(room_code, { role: "player" }));
  return h("button", { class: "button", type: "button", name: "seat", disabled: app.busy.has("seat"), onclick: take }, t("door.play"));
}

const sent = (title, what, state) => h("div", { class: "card sent" },
  h("p", { class: "stamp" }, title),
  what && h("p", { class: "sent-text", dir: "auto" }, what),
  progress(state), reactions());

function accepted(room, text) {
  say(text);
  acted(room.code);
}

export function answering(room) {
  const { state } = room;
  return h("main", { class: "play", id: "main" },
    question(room),
    !mayAct(state) ? onlyWatches(state)
      : state.you.answer_id ? sent(t("answer.sent"), draft(state.round.round_id), state) : answerForm(room));
}

function answerForm(room) {
  const { state } = room;
  const { round_id } = state.round;
  const most = app.client.limits?.answer_chars ?? 280;
  const isBusy = app.busy.has("answer");
  const left = most - [...draft(round_id).normalize("NFC")].length;
  const send = (event) => {
    event.preventDefault();
    const text = event.currentTarget.elements.answer.value;
    keepDraft(round_id, text);
    if (text.trim()) act("answer", () => room.submitAnswer(text, round_id).then(() => accepted(room, t("answer.sent"))));
  };
  const type = (event) => {
    keepDraft(round_id, event.currentTarget.value);
    app.draw();
  };
  return h("form", { key: round_id, class: "card", onsubmit: send },
    state.you.answer_flagged && h("p", { class: "warning", role: "alert" }, t("answer.flagged")),
    h("label", { class: "field" },
      h("span", null, t("answer.yours")),
      h("textarea", {
        name: "answer", rows: "3", required: true, dir: "auto", enterkeyhint: "send", value: draft(round_id),
        readonly: isBusy, oninput: type, onkeydown: sendByKey, "aria-describedby": "count",
      })),
    h("div", { class: "row" },
      h("span", { id: "count", class: `count${left < 0 ? " over" : ""}` }, t("answer.left", { count: left })),
      h("button", { class: "button primary", name: "send", disabled: isBusy || left < 0 }, isBusy ? t("answer.sending") : t("answer.send"))),
    isBusy && app.client.status.state !== "open" && h("p", { class: "quiet" }, t("answer.queued")));
}

function sendByKey(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  event.currentTarget.form.requestSubmit();
}

export function voting(room) {
  const { state } = room;
  const done = !mayAct(state) || state.you.vote;
  return h("main", { class: "play", id: "main" },
    question(room),
    !mayAct(state) && onlyWatches(state),
    state.you.vote && sent(t("vote.sent"), null, state),
    done ? h("ul", { class: "answers", role: "list" }, state.round.answers.map((one) => shownAnswer(state, one))) : voteForm(room));
}

/** An answer, once one has voted: with the votes so far, where the room tells them. */
function shownAnswer({ you, settings }, one) {
  const isChosen = you.vote?.answer_id === one.id;
  return h("li", { key: one.id, class: `answer${isChosen ? " chosen" : ""}` },
    h("span", { class: "answer-text", dir: "auto", lang: settings.language }, one.content),
    h("span", { class: "marks" },
      [isChosen && t("vote.chosen"), you.answer_id === one.id && t("vote.own"),
        one.vote_count > 0 && t("votes", { count: one.vote_count })].filter(Boolean).join(" · ")));
}

function voteForm(room) {
  const { state } = room;
  const { round_id, answers } = state.round;
  const isBusy = app.busy.has("vote");
  const isAlone = answers.every((one) => one.id === state.you.answer_id);
  const send = (event) => {
    event.preventDefault();
    const chosen = event.currentTarget.elements.vote.value;
    if (chosen) act("vote", () => room.submitVote(chosen, round_id).then(() => accepted(room, t("vote.sent"))));
  };
  if (isAlone) return h("div", { class: "card center" }, h("p", { class: "lead" }, t("vote.alone")));
  return h("form", { key: round_id, onsubmit: send },
    h("fieldset", { class: "answers" },
      h("legend", null, t("vote.title")),
      answers.map((one) => choice(state, one, isBusy))),
    h("div", { class: "send-bar" },
      h("button", { class: "button primary", name: "send", disabled: isBusy }, isBusy ? t("answer.sending") : t("vote.send"))),
    progress(state));
}

function choice({ you, settings }, one, isBusy) {
  const isOwn = one.id === you.answer_id;
  return h("label", { key: one.id, class: `answer choice${isOwn ? " own" : ""}` },
    h("input", { type: "radio", name: "vote", value: one.id, required: true, disabled: isOwn || isBusy }),
    h("span", { class: "answer-text", dir: "auto", lang: settings.language }, one.content),
    isOwn && h("span", { class: "marks" }, t("vote.own")));
}
