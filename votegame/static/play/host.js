/* What the host can do: the next step always in sight, the rest behind "More". */

import { act, app, DONE_MS, isSettled, tell } from "./app.js";
import { botsIn, sendAway } from "./bots.js";
import { h } from "./dom.js";
import { namesakes, person, tag } from "./people.js";
import { isPaused } from "./play.js";
import { settingsForm } from "./settings.js";
import { t } from "./words.js";

const MORE_SECONDS = 30;
const NEXT = {
  lobby: ["host.start", (room) => room.startGame()],
  answering: ["host.vote", (room) => room.startVoting()],
  voting: ["host.reveal", (room) => room.endRound()],
  results: ["host.next", (room) => room.nextRound()],
  finished: ["host.again", (room) => room.playAgain()],
};

const command = (name, work) =>
  h("button", { key: name, class: "button", type: "button", name, disabled: app.busy.has(name), onclick: () => act(name, work) }, t(name));

/** The next step. Each takes the place of the one before: who touches twice means the first. */
function nextStep(room) {
  const [name, work] = NEXT[room.state.phase];
  const step = command(name, () => work(room));
  step.props.class += " primary";
  step.props.disabled ||= !isSettled();
  return step;
}

export function hostBar(room) {
  const { state } = room;
  return h("section", { class: "host-bar", "aria-label": t("host.bar") },
    h("div", { class: "host-row" },
      nextStep(room),
      h("button", {
        class: "button more", type: "button", name: "more", "aria-expanded": String(app.hasMore), "aria-controls": "host-more",
        onclick: () => { app.hasMore = !app.hasMore; app.draw(); },
      }, app.hasMore ? t("host.less") : t("host.more"))),
    h("div", { id: "host-more", class: "host-more", hidden: !app.hasMore },
      app.hasMore && [
        h("div", { class: "row" }, steps(room)),
        ["lobby", "finished"].includes(state.phase) && settingsForm(room),
        h("h2", null, t("host.people")),
        h("ul", { class: "people manage", role: "list" }, everybody(room)),
      ]));
}

function steps(room) {
  const { phase, round, locked } = room.state;
  const isRunning = phase === "answering" || phase === "voting";
  const hasClock = isRunning || (phase === "results" && (round.deadline != null || isPaused(room.state)));
  return [
    isRunning && command("host.time", () => room.extendPhase(MORE_SECONDS)),
    hasClock && (isPaused(room.state) ? command("host.resume", () => room.resumeGame()) : command("host.pause", () => room.pauseGame())),
    phase === "answering" && command("host.skip", () => room.skipQuestion()),
    phase === "answering" && command("host.end", () => room.endRound()),
    phase !== "lobby" && botsIn(room.code) > 0 && sendAway(room.code),
    locked ? command("host.unlock", () => room.unlockRoom()) : command("host.lock", () => room.lockRoom()),
  ];
}

function everybody(room) {
  const alike = namesakes(room.state);
  return room.state.members.map((one) => managed(room, one, alike));
}

/** A member, and what can be done with him; what cannot be undone is asked twice. */
function managed(room, one, alike) {
  const { state } = room;
  const shown = person(state, one, alike);
  if (one.user_id === app.client.user.id) return shown;
  const name = alike.has(one.user_id) ? `\u2068${one.display_name}\u2069 ${tag(one.user_id)}` : one.display_name;
  const ask = (what) => () => { app.asked = `${what} ${one.user_id}`; app.draw(); };
  const sure = (what, work) => () => {
    app.asked = null;
    act(`${what} ${one.user_id}`, async () => {
      await work(one.user_id);
      tell(t(`host.${what}.done`, { name }), DONE_MS);
    });
  };
  const button = (what, work) => {
    const isAsked = app.asked === `${what} ${one.user_id}`;
    return h("button", {
      key: what, class: `button small${isAsked ? " sure" : ""}`, type: "button", onclick: isAsked ? sure(what, work) : ask(what),
      "aria-label": t(isAsked ? `host.${what}.sure` : `host.${what}.who`, { name }),
    }, isAsked ? t("host.sure") : t(`host.${what}`));
  };
  shown.kids.push(h("span", { class: "row tools" },
    one.role === "player" && button("transfer", (id) => room.transferHost(id)),
    button("kick", (id) => room.kickPlayer(id))));
  return shown;
}
