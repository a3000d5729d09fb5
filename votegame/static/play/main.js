/* Begins: words, client, address; then draws whatever the state says, whenever it says something new. */

import { accountPage, lookAround } from "./account.js";
import { act, app, changed, go, locate, say } from "./app.js";
import { comeBack } from "./bots.js";
import { h, show } from "./dom.js";
import { door, home, screenDoor } from "./home.js";
import { hostBar } from "./host.js";
import { languagePicker } from "./languages.js";
import { lobby } from "./lobby.js";
import { answering, voting } from "./play.js";
import { rise } from "./reactions.js";
import { finished, results, winners } from "./results.js";
import { fit, screen, screenTop } from "./screen.js";
import { play } from "./sound.js";
import { tick } from "./timer.js";
import { load, t } from "./words.js";

const TICK_MS = 250;
const QUIET_MS = 1500;
const PHASES = { lobby: (room) => lobby(room.state), answering, voting, results, finished };

const root = document.getElementById("app");
let drawn = null; // which phase of which round was drawn last
let focused = null; // what had the focus last: browsers take it from a button that is disabled meanwhile
let isDue = false;
let lossTimer = 0;

/** Draw soon: many changes at once are one drawing. */
app.draw = () => {
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    draw();
  });
};

function draw() {
  const { room, state } = app;
  const now = app.code ? `${app.code} ${state?.phase} ${state?.round?.round_id} ${app.isScreen} ${app.account}` : `home ${app.account}`;
  const isOther = now !== drawn;
  const isFirst = drawn === null;
  drawn = now;
  if (isOther) changed();
  show(root, h("div", null, page(room, state)).kids);
  if (app.isScreen) fit();
  if (isOther) document.title = app.code ? `${app.code} · votegame` : "votegame";
  if (isFirst || !isOther) return;
  if (state) play(state.phase);
  // Who was in a form that is gone now goes on at the heading, not at the top of the page.
  if (focused?.isConnected === false) root.querySelector("h1")?.focus({ preventScroll: true });
  window.scrollTo(0, 0);
  if (state) say(t(`say.${state.phase}`, spoken(state)));
}

const spoken = (state) => ({
  question: state.round?.question, number: state.round?.round_number, winner: state.phase === "finished" ? winners(state.leaderboard) : "",
});

function page(room, state) {
  const stopped = whyStopped();
  const isComing = !state && room && !app.refusal && !stopped;
  return [
    state && app.isScreen ? screenTop() : state ? top(room) : languageBar(),
    connection(),
    app.note && h("p", { key: "note", class: "note", role: "alert" }, app.note),
    stopped ? halted(stopped)
      : isComing ? h("main", { class: "home", id: "main" }, h("h1", { class: "quiet", tabindex: "-1" }, t("wait.coming")))
        : !state && app.account ? accountPage()
        : !app.code ? home()
          : !state ? (app.isScreen ? screenDoor() : door())
            : app.isScreen ? screen(room) : PHASES[state.phase](room),
    state && app.isHost && !stopped && hostBar(room),
  ];
}

/** The line above a room: its code, and the way out. */
function top(room) {
  const leave = () => act("leave", async () => {
    await room.leaveRoom();
    go(null);
  });
  const ask = () => {
    app.asked = "leave";
    app.draw();
  };
  const isAsked = app.asked === "leave";
  return h("header", { class: "top" },
    h("p", { class: "code" }, h("span", { class: "unseen" }, t("top.room"), " "), room.code),
    h("button", { class: `button small${isAsked ? " sure" : ""}`, type: "button", name: "leave", onclick: isAsked ? leave : ask },
      isAsked ? t("top.sure") : t("top.leave")));
}

const languageBar = () => h("header", { class: "top" }, h("span", null), languagePicker());

/** A lost connection, told quietly, and only when it is not back at once. */
function connection() {
  const isLost = ["waiting", "connecting"].includes(app.client.status.state) && !app.isQuiet;
  return h("p", { key: "connection", class: "connection", role: "status", hidden: !isLost }, isLost ? t("wait.lost") : "");
}

/** Why there is no connection any more, as a key of the words; null while there may be one. */
function whyStopped() {
  const { state, code } = app.client.status;
  if (state !== "stopped") return null;
  return { 4401: "login", 4409: "replaced", another_user: "another" }[code] ?? "fault";
}

function halted(why) {
  const ways = {
    login: () => app.client.logout().catch(() => {}).then(() => go(app.code, app.isScreen)),
    another: beOneself,
    replaced: () => app.client.connect().catch(() => {}),
    fault: () => app.client.connect().catch(() => {}),
  };
  return h("main", { class: "home", id: "main" },
    h("div", { class: "card center" },
      h("h1", { tabindex: "-1" }, t(`stopped.${why}`)),
      h("button", { class: "button primary", type: "button", onclick: ways[why] }, t(why === "login" ? "stopped.anew" : "stopped.again"))));
}

/** The cookie of this browser is somebody else's: another tab's new user, or one that nobody here knows, which is dropped. */
async function beOneself() {
  const { token } = JSON.parse(localStorage.getItem(`votegame:${location.origin}`)) ?? {};
  if (token === app.client.token) await fetch("/api/auth/logout", { method: "POST" });
  location.reload();
}

function onStatus({ detail }) {
  clearTimeout(lossTimer);
  if (detail.state === "open") app.isQuiet = true;
  else {
    lossTimer = setTimeout(() => {
      app.isQuiet = false;
      app.draw();
    }, QUIET_MS);
  }
  app.draw();
}

/** A room has changed; when one is out of it, say why. */
function onRoom({ detail: { room_code, state, frame } }) {
  if (room_code === app.code && !state && frame) {
    const code = { player_left: frame.reason === "kicked" ? "kicked" : null, room_closed: "room_not_found", error: frame.code }[frame.type];
    if (code) app.refusal = { code };
  }
  app.draw();
}

async function begin() {
  await load();
  const { client } = app;
  client.addEventListener("status", onStatus);
  client.addEventListener("room", onRoom);
  client.addEventListener("reaction", rise);
  client.addEventListener("player_joined", ({ detail }) => detail.room_code === app.code && play("joined"));
  root.addEventListener("focusin", (event) => { focused = event.target; });
  window.addEventListener("popstate", () => {
    locate();
    app.draw();
  });
  locate();
  if (client.token) client.connect().catch(() => {}); // `status` tells
  // A login that is over may be so because another tab has a new one.
  window.addEventListener("storage", () => client.status.code === 4401 && client.connect().catch(() => {}));
  window.addEventListener("resize", () => app.isScreen && fit());
  setInterval(tick, TICK_MS);
  comeBack();
  lookAround();
  app.draw();
}

begin();
