/* The settings of a room that a host chooses between games. */

import { act, DONE_MS, tell } from "./app.js";
import { h } from "./dom.js";
import { t } from "./words.js";

const ROUNDS = [1, 2, 3, 4, 5, 7, 10, 15, 20];
const ANSWER_SECONDS = [20, 30, 45, 60, 90, 120, 180, 300];
const VOTE_SECONDS = [15, 20, 30, 45, 60, 90, 120];
const RESULTS_SECONDS = [0, 5, 10, 15, 20, 30, 60];
const TONES = ["family", "default", "spicy"];
const LANGUAGES = { en: "English", de: "Deutsch" };
const TOPIC_CHARS = 60;

const withCurrent = (values, current) => (values.includes(current) ? values : [...values, current].sort((a, b) => a - b));

function select(name, current, options) {
  return h("label", { class: "field" },
    h("span", null, t(`settings.${name}`)),
    h("select", { name, value: String(current) }, options.map(([value, text]) => h("option", { key: value, value: String(value) }, text))));
}

const seconds = (values, current) => withCurrent(values, current).map((n) => [n, n === 0 ? t("settings.by_host") : t("seconds", { count: n })]);

export function settingsForm(room) {
  const { settings } = room.state;
  const languages = { ...LANGUAGES, ...(settings.language in LANGUAGES ? {} : { [settings.language]: settings.language }) };
  return h("form", { class: "settings", onsubmit: (event) => save(event, room) },
    h("h2", null, t("settings.title")),
    select("total_rounds", settings.total_rounds, withCurrent(ROUNDS, settings.total_rounds).map((n) => [n, String(n)])),
    select("answer_seconds", settings.answer_seconds, seconds(ANSWER_SECONDS, settings.answer_seconds)),
    select("vote_seconds", settings.vote_seconds, seconds(VOTE_SECONDS, settings.vote_seconds)),
    select("results_seconds", settings.results_seconds, seconds(RESULTS_SECONDS, settings.results_seconds)),
    select("language", settings.language, Object.entries(languages)),
    select("tone", settings.tone, TONES.map((tone) => [tone, t(`settings.tone.${tone}`)])),
    h("label", { class: "field" },
      h("span", null, t("settings.topic")),
      h("input", { name: "topic", value: settings.topic, maxlength: String(TOPIC_CHARS), dir: "auto", placeholder: t("settings.topic.example") })),
    h("button", { class: "button", name: "save" }, t("settings.save")));
}

/** Send what is different. */
function save(event, room) {
  event.preventDefault();
  const { settings } = room.state;
  const changes = {};
  for (const [name, text] of new FormData(event.currentTarget)) {
    const value = typeof settings[name] === "number" ? Number(text) : text.trim();
    if (value !== settings[name]) changes[name] = value;
  }
  act("settings", async () => {
    if (Object.keys(changes).length > 0) await room.updateSettings(changes);
    tell(t("settings.saved"), DONE_MS);
  });
}
