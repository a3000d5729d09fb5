/*
 * Accounts, for those who want to be the same user on each device: log in, register, log out, and the way to what else can be
 * done with one. Nobody needs one, a guest has a name and nothing else. A guest who registers keeps his seats.
 */

import { act, app, DONE_MS, showAccount, tell } from "./app.js";
import { h } from "./dom.js";
import { field, refuse } from "./fields.js";
import { deletion, manage, ownAccount } from "./own-account.js";
import { badPassword, passwordField, plainWarning } from "./passwords.js";
import { problem, t } from "./words.js";

const PAGES = { login: entry, register: entry, own: ownAccount, delete: deletion };

export const hasAccount = () => !!app.client.user?.email;

/** Have the rooms at hand that the account has on other devices. */
export async function lookAround() {
  if (!hasAccount()) return;
  const { rooms } = await app.client.me().catch(() => ({ rooms: [] }));
  app.elsewhere = rooms.map((room) => room.room_code);
  app.draw();
}

/** The page about accounts that was asked for. */
export const accountPage = () => PAGES[app.account]();

/** The way to an account, for who has none here. */
export const accountButton = () => !hasAccount() &&
  h("button", { key: "account", class: "button small", type: "button", name: "account", onclick: () => showAccount("login") }, t("account.open"));

/** Who is logged in, in the place of the field for a name. */
export function accountField() {
  const { display_name, email } = app.client.user;
  return h("div", { key: "account", class: "field" },
    h("p", null, t("home.you", { name: display_name })),
    h("p", { class: "hint" }, t("account.in", { email })),
    h("input", { type: "hidden", name: "name", value: display_name }),
    h("button", { class: "button small", type: "button", name: "own", onclick: manage }, t("account.own")),
    h("button", { class: "button small", type: "button", name: "logout", disabled: app.busy.has("account"), onclick: logOut }, t("account.out")));
}

function logOut() {
  act("account", async () => {
    app.elsewhere = [];
    await app.client.logout().catch((error) => {
      if (error.code !== "unauthenticated") throw error; // that login was over already
    });
    tell(t("account.gone"), DONE_MS);
  }).then(() => document.querySelector("h1")?.focus()); // the button is gone
}

function entry() {
  const isNew = app.account === "register";
  const { user, rooms, limits } = app.client;
  const isBusy = app.busy.has("account");
  return h("main", { class: "home", id: "main" },
    h("h1", { class: "door-title", tabindex: "-1" }, t(isNew ? "account.register" : "account.login")),
    plainWarning(),
    h("form", { key: "account", class: "card", novalidate: true, onsubmit: send },
      rooms.size > 0 && h("p", { key: "seats", class: "quiet" }, t(isNew ? "account.seats" : "home.behind")),
      isNew && field(t("home.name"), h("input", {
        name: "display_name", value: user?.display_name ?? "", maxlength: String(limits?.name_chars ?? 32), autocomplete: "nickname", dir: "auto",
      })),
      field(t("account.email"),
        h("input", { name: "email", type: "email", autocomplete: "username", autocapitalize: "none", spellcheck: "false" }),
        { hint: isNew && t("account.email.hint") }),
      passwordField("password", t("account.password"), isNew),
      h("button", { key: "send", class: "button primary", name: "send", disabled: isBusy }, t(isNew ? "account.register" : "account.login")),
      h("button", { key: "other", class: "button", type: "button", name: "other", onclick: () => showAccount(isNew ? "login" : "register") },
        t(isNew ? "account.known" : "account.new"))),
    h("button", { key: "guest", class: "button small", type: "button", name: "guest", onclick: () => showAccount(null) }, t("account.guest")));
}

/** The field that a refusal is about, and what to say there; undefined for one that is about none. */
function whyNot(error) {
  const { code, details } = error;
  if (code === "bad_credentials") return ["password", t("account.wrong.credentials")];
  if (code === "email_taken") return ["email", problem(error)];
  if (code === "rate_limited") return ["password", problem(error)];
  if (code !== "bad_message") return undefined;
  return {
    email: ["email", t("account.wrong.email")],
    password: ["password", badPassword()],
    display_name: ["display_name", t("error.name")],
  }[details.field];
}

function send(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const { client } = app;
  const { email, password, display_name: name } = Object.fromEntries(new FormData(form));
  app.wrong = null;
  act("account", async () => {
    try {
      if (app.account === "register") await client.register(email, password, name.trim());
      else await client.login(email, password);
    } catch (error) {
      // A guest whose login is over would have his seats taken for lost without a word: now he has none, and is told.
      if (error.code === "unauthenticated") await client.logout().catch(() => {});
      const why = whyNot(error);
      if (!why) throw error;
      refuse(form, ...why);
      return;
    }
    Object.assign(app, { account: null, isAnother: false });
    tell(t("account.welcome", { name: client.user.display_name }), DONE_MS);
    await lookAround();
  });
}
