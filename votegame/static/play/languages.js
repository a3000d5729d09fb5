/* Which language this device speaks. Its people may differ from those of the room. */

import { app } from "./app.js";
import { h } from "./dom.js";
import { choose, language, LANGUAGES, t } from "./words.js";

const nameOf = (tag) => new Intl.DisplayNames([tag], { type: "language" }).of(tag);

export function languagePicker() {
  return h("select", {
    class: "languages", "aria-label": t("top.language"), value: language(),
    onchange: (event) => choose(event.currentTarget.value).then(app.draw),
  }, LANGUAGES.map((tag) => h("option", { key: tag, value: tag, lang: tag }, nameOf(tag))));
}
