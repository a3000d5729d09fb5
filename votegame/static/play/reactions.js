/* Applause and the like: a touch of one's own, shown to all for a moment. */

import { app, tell } from "./app.js";
import { h } from "./dom.js";
import { problem, t } from "./words.js";

const PICTURES = {
  applause: "👏", laugh: "😂", heart: "❤️", surprise: "😮", sad: "😢", fire: "🔥", thumbs_up: "👍", thumbs_down: "👎",
};
const MOST_AT_ONCE = 24;
const SHOWN_MS = 2600;

/** The row to react with. */
export function reactions() {
  if (app.isScreen) return null;
  return h("div", { class: "reactions", role: "group", "aria-label": t("reactions") },
    Object.entries(PICTURES).map(([name, picture]) =>
      h("button", { key: name, class: "reaction", type: "button", "aria-label": t(`reaction.${name}`), onclick: () => react(name) }, picture)));
}

function react(name) {
  app.room?.react(name).catch((error) => tell(problem(error)));
}

/** Have one rise over the page. */
export function rise({ detail }) {
  const sky = document.getElementById("sky");
  const picture = Object.hasOwn(PICTURES, detail.reaction) ? PICTURES[detail.reaction] : null;
  if (!picture || detail.room_code !== app.code || sky.childElementCount >= MOST_AT_ONCE) return;
  const shown = document.createElement("span");
  shown.textContent = picture;
  shown.style.setProperty("--at", String(Math.random()));
  sky.append(shown);
  setTimeout(() => shown.remove(), SHOWN_MS);
}
