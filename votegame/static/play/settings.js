/* The settings of a room that a host chooses between games, and his own questions. */

import { act, app, DONE_MS, tell } from "./app.js";
import { h } from "./dom.js";
import { field, refuse } from "./fields.js";
import { t } from "./words.js";

const ROUNDS = [1, 2, 3, 4, 5, 7, 10, 15, 20];
const ANSWER_SECONDS = [20, 30, 45, 60, 90, 120, 180, 300];
const VOTE_SECONDS = [15, 20, 30, 45, 60, 90, 120];
const RESULTS_SECONDS = [0, 5, 10, 15, 20, 30, 60];
const LANGUAGES = { en: "English", de: "Deutsch" };
const CHOICES = {
  tone: ["family", "default", "spicy"],
  late_join: ["true", "false"],
  vote_updates: ["counts", "progress"],
  host_away: ["promote", "auto", "wait"],
  moderation: ["off", "on"],
};
const LEAST_PLAYERS = 2;
const TOPIC_CHARS = 60;
const MOST_QUESTIONS = 20;
const QUESTION_CHARS = 120;

const withCurrent = (values, current) => (values.includes(current) ? values : [...values, current].sort((a, b) => a - b));
const seconds = (values, current) => withCurrent(values, current).map((n) => [n, n === 0 ? t("settings.by_host") : t("seconds", { count: n })]);
const chars = (text) => [...text.normalize("NFC")].length;
const questionsIn = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);
const mostPlayers = () => app.client.limits.max_players;

function select(name, current, options) {
  return field(t(`settings.${name}`),
    h("select", { name, value: String(current) }, options.map(([value, text]) => h("option", { key: value, value: String(value) }, text))));
}

const choice = (name, current) => select(name, current, CHOICES[name].map((value) => [value, t(`settings.${name}.${value}`)]));

export function settingsForm(room) {
  const { settings } = room.state;
  const languages = { ...LANGUAGES, ...(settings.language in LANGUAGES ? {} : { [settings.language]: settings.language }) };
  return h("form", { class: "settings", novalidate: true, onsubmit: (event) => save(event, room) },
    h("h2", null, t("settings.title")),
    select("total_rounds", settings.total_rounds, withCurrent(ROUNDS, settings.total_rounds).map((n) => [n, String(n)])),
    select("answer_seconds", settings.answer_seconds, seconds(ANSWER_SECONDS, settings.answer_seconds)),
    select("vote_seconds", settings.vote_seconds, seconds(VOTE_SECONDS, settings.vote_seconds)),
    select("results_seconds", settings.results_seconds, seconds(RESULTS_SECONDS, settings.results_seconds)),
    select("language", settings.language, Object.entries(languages)),
    choice("tone", settings.tone),
    field(t("settings.topic"),
      h("input", { name: "topic", value: settings.topic, maxlength: String(TOPIC_CHARS), dir: "auto", placeholder: t("settings.topic.example") })),
    ownQuestions(room),
    h("details", { class: "rare" },
      h("summary", null, t("settings.rare")),
      h("div", { class: "settings" },
        field(t("settings.max_players"),
          h("input", {
            name: "max_players", type: "number", inputmode: "numeric", min: String(LEAST_PLAYERS), max: String(mostPlayers()),
            value: String(settings.max_players),
          })),
        choice("late_join", settings.late_join),
        choice("vote_updates", settings.vote_updates),
        choice("host_away", settings.host_away),
        settings.moderation != null && choice("moderation", settings.moderation))),
    h("button", { class: "button", name: "save", disabled: app.busy.has("settings") }, t("settings.save")));
}

/** Nobody is shown them before they are asked: the field is empty, and says how many wait. */
function ownQuestions(room) {
  const { own_question_count: count } = room.state;
  const back = async ({ currentTarget }) => {
    const { questions } = currentTarget.form.elements;
    await act("settings", () => room.updateSettings({ questions: [] }));
    questions.focus(); // the button is gone
  };
  return field(t("settings.questions"),
    h("textarea", { name: "questions", rows: "3", dir: "auto", placeholder: t("settings.questions.example") }), {
      hint: count > 0 ? t("settings.questions.wait", { count }) : t("settings.questions.hint", { count: MOST_QUESTIONS }),
      children: count > 0 && h("button", { key: "back", class: "button small", type: "button", name: "back", onclick: back }, t("settings.questions.back")),
    });
}

/** What is different, as it is sent. */
function changed(form, settings) {
  const changes = {};
  for (const [name, text] of new FormData(form)) {
    if (name === "questions") {
      const questions = questionsIn(text);
      if (questions.length > 0) changes.questions = questions;
      continue;
    }
    const type = typeof settings[name];
    const value = type === "number" ? Number(text) : type === "boolean" ? text === "true" : text.trim();
    if (value !== settings[name]) changes[name] = value;
  }
  return changes;
}

/** What the server would not take, as the field and why; null when there is nothing. */
function refused({ max_players: players = LEAST_PLAYERS, questions = [] }) {
  if (!Number.isInteger(players) || players < LEAST_PLAYERS || players > mostPlayers()) return whyNot("max_players");
  if (questions.length > MOST_QUESTIONS) return ["questions", t("settings.questions.many", { count: questions.length, most: MOST_QUESTIONS })];
  const place = questions.findIndex((text) => chars(text) > QUESTION_CHARS);
  return place < 0 ? null : ["questions", t("settings.questions.long", { number: place + 1, most: QUESTION_CHARS })];
}

/** The field of a refusal, and what its words are; undefined for one that is about no field of the form. */
function whyNot(path = "") {
  const [, name, place] = /^(\w+)(?:\[(\d+)\])?$/.exec(path) ?? [];
  if (!["max_players", "topic", "moderation", "questions"].includes(name)) return undefined;
  return [name, t(`settings.wrong.${name}`, { least: LEAST_PLAYERS, most: mostPlayers(), number: Number(place ?? 0) + 1 })];
}

function save(event, room) {
  event.preventDefault();
  const form = event.currentTarget;
  const changes = changed(form, room.state.settings);
  app.wrong = null;
  const wrong = refused(changes);
  if (wrong) {
    refuse(form, ...wrong);
    return;
  }
  act("settings", async () => {
    try {
      if (Object.keys(changes).length > 0) await room.updateSettings(changes);
    } catch (error) {
      const why = error.code === "bad_message" && whyNot(error.details.field?.replace(/^settings\./, ""));
      if (!why) throw error;
      refuse(form, ...why);
      return;
    }
    if (changes.questions) form.elements.questions.value = "";
    tell(t("settings.saved"), DONE_MS);
  });
}
