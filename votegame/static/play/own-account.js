/*
 * What one can do with an account that one has: change its password, and delete it, which is asked twice. A call without an
 * answer may have been done: who tries to change the password again is told what that means, and who wanted the account
 * deleted is told how to find out.
 */

import { act, app, DONE_MS, go, isSettled, keepDraft, showAccount, tell } from "./app.js";
import { h } from "./dom.js";
import { refuse } from "./fields.js";
import { badPassword, passwordField, plainWarning } from "./passwords.js";
import { problem, t } from "./words.js";

const UNANSWERED = new Set(["offline", "unavailable"]);
const UNSURE_MS = 30_000; // two long sentences, and what to do then

let isUnsure = false; // whether the password may be another one already
let isPerhapsGone = false; // whether the account may be deleted already

/** Open the page about one's own account. */
export function manage() {
  isUnsure = false;
  isPerhapsGone = false;
  showAccount("own");
}

export function ownAccount() {
  const { user } = app.client;
  const isBusy = app.busy.has("account");
  return h("main", { class: "home", id: "main" },
    h("h1", { class: "door-title", tabindex: "-1" }, t("account.own")),
    h("p", { class: "quiet center" }, t("account.in", { email: user?.email })),
    plainWarning(),
    h("form", { key: "change", class: "card", novalidate: true, onsubmit: change },
      h("h2", null, t("account.change")),
      h("p", { class: "hint" }, t("account.change.hint")),
      // For what keeps passwords, which wants to know whose this one is.
      h("input", { name: "username", value: user?.email, autocomplete: "username", readonly: true, hidden: true }),
      passwordField("old_password", t("account.old"), false),
      passwordField("new_password", t("account.fresh"), true),
      h("button", { class: "button primary", name: "send", disabled: isBusy }, t("account.change"))),
    h("section", { key: "delete", class: "card", "aria-labelledby": "delete" },
      h("h2", { id: "delete" }, t("account.delete")),
      h("p", { class: "hint" }, t("account.delete.hint")),
      h("button", { class: "button", type: "button", name: "delete", disabled: isBusy, onclick: () => showAccount("delete") },
        t("account.delete.ask"))),
    h("button", { key: "back", class: "button small", type: "button", name: "back", onclick: () => showAccount(null) }, t("account.back")));
}

/** The field that a refusal is about, and what to say there; undefined for one that is about none. */
function whyNot(error) {
  const { code, details } = error;
  if (code === "bad_credentials") return ["old_password", t(isUnsure ? "account.wrong.unsure" : "account.wrong.old")];
  if (code === "rate_limited" || code === "unavailable") return ["old_password", problem(error)];
  if (code === "too_large" || details.field === "new_password") return ["new_password", badPassword()];
  return undefined;
}

function change(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const { old_password, new_password } = Object.fromEntries(new FormData(form));
  app.wrong = null;
  act("account", async () => {
    try {
      await asOneself(() => app.client.changePassword(old_password, new_password));
    } catch (error) {
      isUnsure ||= UNANSWERED.has(error.code);
      const why = whyNot(error);
      if (!why) throw error;
      refuse(form, ...why);
      return;
    }
    app.account = null;
    tell(t("account.changed"), DONE_MS);
  });
}

/** The second question: what goes with the account, and what does not. */
export function deletion() {
  const isBusy = app.busy.has("account");
  return h("main", { class: "home", id: "main" },
    h("h1", { class: "door-title", tabindex: "-1" }, t("account.delete.title")),
    h("section", { key: "what", class: "card" },
      h("h2", null, t("account.goes")),
      h("p", null, t("account.goes.what", { email: app.client.user?.email })),
      h("h2", null, t("account.stays")),
      h("p", null, t("account.stays.what")),
      // Not at once: who touches twice has not read it.
      h("button", { class: "button sure", type: "button", name: "sure", disabled: isBusy || !isSettled(), onclick: remove }, t("account.delete.sure")),
      h("button", { class: "button", type: "button", name: "keep", disabled: isBusy, onclick: () => showAccount("own") }, t("account.keep"))));
}

function remove() {
  act("account", async () => {
    try {
      await asOneself(() => app.client.deleteAccount());
    } catch (error) {
      isPerhapsGone ||= UNANSWERED.has(error.code);
      if (!isPerhapsGone || !error.code) throw error;
      tell(`${problem(error)} ${t("account.delete.unsure")}`, UNSURE_MS);
      return;
    }
    keepDraft(null, "");
    beStranger();
    tell(t("account.deleted"), DONE_MS);
  });
}

/** Do what needs a login; one that is over is forgotten, as there is nothing to be done with it. */
async function asOneself(work) {
  try {
    await work();
  } catch (error) {
    if (error.code === "unauthenticated") {
      await app.client.logout().catch(() => {});
      beStranger();
    }
    throw error;
  }
}

function beStranger() {
  app.elsewhere = [];
  go(null);
}
