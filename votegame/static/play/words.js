/*
 * What people read, from a file of their language: /static/locales/<language>.json. A text may have forms by number, as in
 * `{"one": "{count} vote", "other": "{count} votes"}`.
 */

const CHOICE = "votegame:language";
const { languages = "en" } = document.documentElement.dataset;

/** Those that there are files for. */
export const LANGUAGES = languages.split(" ");

let words = {};
let plural = new Intl.PluralRules("en");

/** Load the words of this language, or of the one that this browser's owner prefers. */
export async function load(chosen = preferred()) {
  const answer = await fetch(`/static/locales/${chosen}.json`);
  if (!answer.ok) throw new Error(`no words: ${answer.status}`);
  words = await answer.json();
  plural = new Intl.PluralRules(chosen);
  Object.assign(document.documentElement, { lang: chosen, dir: words["language.direction"] });
}

/** Take this language from now on. */
export async function choose(language) {
  await load(language);
  try {
    localStorage.setItem(CHOICE, language);
  } catch {
    // Forbidden, or full: it holds until the next reload.
  }
}

export const language = () => document.documentElement.lang;

function preferred() {
  let kept = null;
  try {
    kept = localStorage.getItem(CHOICE);
  } catch {
    // Forbidden by the settings of the browser.
  }
  const wished = [kept, ...navigator.languages].filter(Boolean).map((tag) => tag.toLowerCase().split("-")[0]);
  return wished.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

/** The text of this key, with `values` in the places of `{name}`. */
export function t(key, values = {}) {
  const found = words[key] ?? key;
  const text = typeof found === "string" ? found : (found[plural.select(values.count)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

const OF_FIELDS = { display_name: "error.name", answer: "error.answer", room_code: "error.code" };

/** What went wrong, for people. */
export function problem(error) {
  const { code, retryAfter, details = {} } = error;
  const ofField = OF_FIELDS[details.field];
  if (code === "bad_message" && ofField) return t(ofField);
  if (code === "rate_limited" && retryAfter > 90) return t("error.rate_limited.minutes", { count: Math.ceil(retryAfter / 60) });
  if (code === "rate_limited" && retryAfter) return t("error.rate_limited.seconds", { count: Math.ceil(retryAfter) });
  return `error.${code}` in words ? t(`error.${code}`) : t("error.unknown");
}
