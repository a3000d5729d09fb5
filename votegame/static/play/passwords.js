/* Wherever a password is typed: its field, what makes it a bad one, and who else might read it. */

import { h } from "./dom.js";
import { field } from "./fields.js";
import { t } from "./words.js";

const LEAST_CHARS = 8;

/** A field for the password that one has, or for one that `isNew`. */
export const passwordField = (name, label, isNew) => field(label,
  h("input", { name, type: "password", autocomplete: isNew ? "new-password" : "current-password" }),
  { hint: isNew && t("account.password.hint", { count: LEAST_CHARS }) });

/** Why the server takes no password like this. */
export const badPassword = () => t("account.wrong.password", { count: LEAST_CHARS });

/** Says so, where the page is not encrypted. */
export const plainWarning = () => !window.isSecureContext && h("p", { key: "plain", class: "card warning" }, t("account.plain"));
