/* The first page: make a room, or join one by its code. And the door of a room whose link one has opened. */

import { accountButton, accountField, hasAccount } from "./account.js";
import { act, app, enter, go, tell } from "./app.js";
import { come } from "./bots.js";
import { h } from "./dom.js";
import { language, problem, t } from "./words.js";

const CODE = /^[2-9A-HJ-NP-Z]{6}$/;
const QUESTION_LANGUAGES = ["en", "de"];

const clean = (code) => code.replace(/[\s-]/g, "").toUpperCase();

/** A field for a name. Another name is another user: who has seats is asked before he leaves them behind. */
function nameField() {
  const { user, limits, rooms } = app.client;
  if (hasAccount()) return accountField();
  const beAnother = () => {
    app.isAnother = true;
    app.draw();
  };
  if (user && rooms.size > 0 && !app.isAnother) {
    return h("div", { key: "known", class: "field" },
      h("p", null, t("home.you", { name: user.display_name })),
      h("input", { type: "hidden", name: "name", value: user.display_name }),
      h("button", { class: "button small", type: "button", name: "another", onclick: beAnother }, t("home.another")));
  }
  return h("label", { key: "unknown", class: "field" },
    app.isAnother && h("span", { class: "quiet" }, t("home.behind")),
    h("span", null, t("home.name")),
    h("input", {
      name: "name", value: user?.display_name ?? "", required: true, maxlength: String(limits?.name_chars ?? 32),
      autocomplete: "nickname", enterkeyhint: "go", dir: "auto", placeholder: t("home.name.example"),
    }));
}

export function home() {
  const isBusy = app.busy.has("enter");
  const codes = [...new Set([...app.client.rooms.keys(), ...app.elsewhere])];
  return h("main", { class: "home", id: "main" },
    h("h1", { class: "brand", tabindex: "-1" }, h("span", { class: "brand-bubble" }, "votegame")),
    h("p", { class: "lead" }, t("home.lead")),
    app.refusal && h("p", { key: "refusal", class: "card warning", role: "alert" }, problem(app.refusal)),
    codes.length > 0 && h("section", { class: "card", "aria-labelledby": "back" },
      h("h2", { id: "back" }, t("home.back")),
      h("div", { class: "row" }, codes.map((code) =>
        h("a", { key: code, class: "button", href: `/${code}`, onclick: (event) => follow(event, code) }, code)))),
    h("form", { class: "card", onsubmit: (event) => submit(event) },
      nameField(),
      h("label", { class: "field" },
        h("span", null, t("home.code")),
        h("input", {
          name: "code", class: "code-input", autocomplete: "off", autocapitalize: "characters", spellcheck: "false",
          maxlength: "12", placeholder: "ABC234", enterkeyhint: "go",
        })),
      h("button", { class: "button primary", name: "join", disabled: isBusy }, t("home.join")),
      h("p", { class: "or" }, h("span", null, t("home.or"))),
      h("button", { class: "button", type: "button", name: "make", disabled: isBusy, onclick: make }, t("home.make")),
      h("button", { class: "button", type: "button", name: "try", disabled: isBusy, onclick: tryOut }, t("home.try"))),
    accountButton(),
    h("p", { class: "quiet foot" }, h("a", { href: "/docs" }, t("home.docs"))));
}

function follow(event, code) {
  event.preventDefault();
  go(code);
}

function submit(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const code = clean(form.elements.code.value);
  if (!CODE.test(code)) {
    tell(t("error.code"));
    form.elements.code.focus();
    return;
  }
  join(code, form.elements.name.value.trim());
}

/** Make a room, and go there; gives its code, unless that did not work. */
async function make(event) {
  const { form } = event.currentTarget;
  if (!form.elements.name.reportValidity()) return undefined;
  const settings = QUESTION_LANGUAGES.includes(language()) ? { language: language() } : {};
  return act("enter", async () => {
    await enter(form.elements.name.value.trim());
    const { room_code } = await app.client.createRoom(settings);
    go(room_code);
    return room_code;
  });
}

/** The same with bots, so that one person has a game. */
async function tryOut(event) {
  const code = await make(event);
  if (code) come(code);
}

/** Come into a room; a refusal stays on its page. */
export function join(code, name, role) {
  return act("enter", async () => {
    try {
      await enter(name);
      await app.client.joinRoom(code, { role });
      go(code, app.isScreen && app.code === code);
    } catch (error) {
      if (!error.code || (error.code === "bad_message" && !app.isScreen)) throw error;
      go(code, app.isScreen && app.code === code);
      app.refusal = error;
    }
  });
}

/** The door of a room: one is not in it, or not yet. */
export function door() {
  const { code, refusal } = app;
  const isBusy = app.busy.has("enter");
  const knock = (role) => (event) => {
    event.preventDefault();
    const form = event.currentTarget.form ?? event.currentTarget;
    if (form.elements.name.reportValidity()) join(code, form.elements.name.value.trim(), role);
  };
  return h("main", { class: "home", id: "main" },
    h("h1", { class: "door-title", tabindex: "-1" }, t("door.title"), " ", h("span", { class: "code" }, code)),
    refusal && h("p", { class: "card warning", role: "alert" }, problem(refusal)),
    refusal?.code !== "kicked" && h("form", { class: "card", onsubmit: knock() },
      nameField(),
      h("button", { class: "button primary", name: "join", disabled: isBusy }, t("home.join")),
      refusal?.details?.can_watch && h("button",
        { class: "button", type: "button", name: "watch", disabled: isBusy, onclick: knock("spectator") }, t("door.watch"))),
    refusal?.code !== "kicked" && accountButton(),
    h("p", { class: "quiet foot" }, h("a", { href: "/", onclick: (event) => follow(event, null) }, t("door.home"))));
}

/** The door of a screen: it comes in by itself, to watch. */
export function screenDoor() {
  const { code, refusal } = app;
  const again = () => join(code, app.client.token ? null : t("screen.name"), "spectator");
  if (app.knockedAt !== code) {
    app.knockedAt = code;
    queueMicrotask(again);
  }
  return h("main", { class: "home", id: "main" },
    h("h1", { class: "door-title", tabindex: "-1" }, t("door.title"), " ", h("span", { class: "code" }, code)),
    refusal ? h("p", { class: "card warning", role: "alert" }, problem(refusal)) : h("p", { class: "quiet" }, t("wait.coming")),
    refusal && h("button", { class: "button primary", onclick: again }, t("stopped.again")));
}
