/*
 * One bot, as in votegame/bots/bot.py: it looks at the room; when there is something for it to do, it thinks for a while, and
 * does it if that still makes sense.
 */

import { isBotName } from "./bank.js";

const SECONDS = { answer: [4, 18], vote: [3, 10], "hand over": [1, 3], react: [1, 5] };
const DESERTED_SECONDS = 60; // how long bots stay among themselves
const LEAVING_MS = 3000;
const REFUSED_MS = 2000; // before it looks again
const LEAST_LEFT = 0.7; // of the time that is left a bot uses no more than this share
const REACTS = 0.3;
const REACTIONS = ["applause", "laugh", "heart", "surprise", "fire", "thumbs_up"];

const DONE = new Set(["already_answered", "already_voted"]);

const between = (least, most) => least + Math.random() * (most - least);
const chosen = (some) => some[Math.floor(Math.random() * some.length)];
const isPlaying = ({ you }) => you.plays && you.role === "player";
const othersAnswers = ({ round, you }) => (round.answers ?? []).filter((one) => one.id !== you.answer_id);

/** All of the room that a bot cares for: when it changes, there may be something else to do. */
const look = ({ phase, round, you, host_id, members }) => JSON.stringify([
  phase, round?.round_id, round?.deadline, you, host_id, members.map((one) => [one.user_id, one.connected]),
]);

export class Bot {
  #table;
  #client;
  #ended;
  #room = null;
  #seen = "";
  #isBusy = false;
  #thinking = 0;
  #reacting = 0;
  #listening = new AbortController();

  /**
   * A bot at this table, whose bots share a `deck`, and `userIds`, who of the members is a bot. `client` has a login and is
   * connected; it is closed in the end, and `ended` is told why that has come.
   */
  constructor(table, client, ended) {
    Object.assign(this, { code: null });
    this.#table = table;
    this.#client = client;
    this.#ended = ended;
    table.userIds.add(client.user.id);
  }

  get client() { return this.#client; }

  /** Take a seat; rejects with why there is none. */
  async come(code) {
    await this.#client.joinRoom(code);
    this.stay(code);
  }

  /** Go on in the seat that it has. */
  stay(code) {
    const { signal } = this.#listening;
    const hear = (type, act) => this.#client.addEventListener(type, ({ detail }) => act(detail), { signal });
    this.#room = this.#client.room(code);
    hear("status", ({ state }) => state === "stopped" && this.#end("stopped"));
    hear("round_ended", () => this.#feel());
    hear("room", ({ state, frame }) => (state ? this.#look() : this.#end(frame?.reason)));
    this.#look();
  }

  /** Give the seat back, unless that takes long. */
  async leave() {
    clearTimeout(this.#thinking);
    this.#isBusy = true;
    await Promise.race([this.#room.leaveRoom().catch(() => {}), new Promise((over) => setTimeout(over, LEAVING_MS))]);
    this.#end("left");
  }

  #end(why) {
    if (this.#listening.signal.aborted) return;
    this.#listening.abort();
    clearTimeout(this.#thinking);
    clearTimeout(this.#reacting);
    this.#client.close();
    this.#ended(why);
  }

  #look() {
    const { state } = this.#room;
    if (!state || this.#isBusy || this.#listening.signal.aborted) return;
    const seen = look(state);
    if (seen === this.#seen) return;
    this.#seen = seen;
    clearTimeout(this.#thinking);
    const todo = this.#todo(state);
    if (todo) this.#thinking = setTimeout(() => this.#do(todo), 1000 * this.#wait(todo));
  }

  #todo(state) {
    if (this.#people(state).length === 0) return "go";
    if (this.#room.isHost) return "hand over";
    if (!isPlaying(state)) return null;
    if (state.phase === "answering") return state.you.answer_id ? null : "answer";
    return state.phase === "voting" && !state.you.vote && othersAnswers(state).length > 0 ? "vote" : null;
  }

  /** Members who are no bots, those who could be host first. */
  #people({ members }) {
    const isBot = (one) => this.#table.userIds.has(one.user_id) || isBotName(one.display_name);
    const people = members.filter((one) => one.connected && !isBot(one));
    return people.sort((one, other) => (one.role !== "player") - (other.role !== "player"));
  }

  /** How long it takes to do that, in seconds. */
  #wait(todo) {
    if (todo === "go") return DESERTED_SECONDS;
    const left = this.#room.remainingMs;
    const wait = between(...SECONDS[todo]);
    return left == null ? wait : Math.min(wait, (left / 1000) * LEAST_LEFT * between(0.5, 1));
  }

  async #do(todo) {
    const room = this.#room;
    if (todo === "go") return this.leave();
    this.#isBusy = true;
    try {
      if (todo === "answer") await room.submitAnswer(await this.#table.deck.draw(room.state.settings.language));
      else if (todo === "vote") await room.submitVote(chosen(othersAnswers(room.state)).id);
      else await room.transferHost(this.#people(room.state)[0].user_id);
    } catch (error) {
      if (!error.code) throw error;
      // What is refused comes too late: the game has moved on, and so does the bot. It may not know what it has done in
      // another tab, which a snapshot says.
      if (DONE.has(error.code)) this.#client.joinRoom(room.code).catch(() => {});
      await new Promise((over) => setTimeout(over, REFUSED_MS));
    }
    this.#isBusy = false;
    this.#seen = "";
    this.#look();
  }

  /** Now and then show how one feels, when authors are known: before, it could tell whose answer is whose. */
  #feel() {
    if (Math.random() >= REACTS) return;
    this.#reacting = setTimeout(() => this.#room.react(chosen(REACTIONS)).catch(() => {}), 1000 * between(...SECONDS.react));
  }
}
