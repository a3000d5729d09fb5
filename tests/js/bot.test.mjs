// A bot of the page: what it does, and when it goes. How it is among others, a browser shows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bot } from "../../votegame/static/bots/bot.js";
import { BEN, inside, ROOM, settled, state } from "./support.mjs";

const MINUTE = 60_000;
const deck = { draw: async (language) => `an answer in ${language}` };

/** Ben as a bot in a room of which he knows `known`; the others with these ids are bots as well. */
async function aBot(t, known, others = []) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: known.server_time });
  t.mock.method(Math, "random", () => 0); // the shortest waits, and the first of what there is to choose
  const made = await inside(known);
  const ended = [];
  const bot = new Bot({ deck, userIds: new Set(others) }, made.client, (why) => ended.push(why));
  bot.stay(ROOM);
  const passes = async (ms) => {
    t.mock.timers.tick(ms);
    await settled();
  };
  return { ...made, bot, ended, passes };
}

const people = (known) => known.members.filter((one) => one.user_id !== BEN.id).map((one) => one.user_id);
const own = (known, changes) => ({ ...known, you: { ...known.you, plays: true, role: "player", answer_id: null, vote: null, ...changes } });

test("it answers in the language of the room, after a while and in time", async (t) => {
  const known = own(state("answering"));
  const { all, passes } = await aBot(t, { ...known, settings: { ...known.settings, language: "de-AT" } });
  await passes(1000);
  assert.equal(all.latest.last("submit_answer"), undefined);
  await passes(known.round.deadline - known.server_time - 2000);
  assert.equal(all.latest.last("submit_answer").answer, "an answer in de-AT");
});

test("it votes once, for an answer that is not its own", async (t) => {
  const known = state("voting");
  const [mine, ...others] = known.round.answers;
  const { all, passes } = await aBot(t, own(known, { answer_id: mine.id }));
  await passes(10_001);
  const { answer_id } = all.latest.last("submit_vote");
  assert.ok(others.some((one) => one.id === answer_id));
  all.latest.oks("submit_vote", { vote_id: "1" });
  await passes(20_000);
  assert.equal(all.latest.commands("submit_vote").length, 1);
});

test("it hands over to somebody who is no bot", async (t) => {
  const known = { ...state("lobby"), host_id: BEN.id };
  const [person, ...bots] = people(known);
  const { all, passes } = await aBot(t, known, bots);
  await passes(3001);
  assert.equal(all.latest.last("transfer_host").user_id, person);
});

test("it goes when nobody but bots has been there for a minute, and keeps what it needs to come again", async (t) => {
  const known = state("lobby");
  const { all, client, ended, passes } = await aBot(t, known, people(known));
  await passes(MINUTE - 1000);
  assert.equal(all.latest.last("leave_room"), undefined);
  await passes(1001);
  assert.ok(all.latest.last("leave_room"));
  await passes(3001);
  assert.deepEqual([ended, client.status.state], [["left"], "idle"]);
  assert.ok(client.token);
});

test("it stays when somebody comes back meanwhile", async (t) => {
  const known = state("lobby");
  const [person] = people(known);
  const away = { ...known, members: known.members.map((one) => ({ ...one, connected: one.user_id === BEN.id })) };
  const { all, passes } = await aBot(t, away);
  await passes(MINUTE - 1000);
  all.latest.says({ type: "player_connection", room_code: ROOM, user_id: person, connected: true });
  await passes(MINUTE);
  assert.equal(all.latest.last("leave_room"), undefined);
});

test("it hears why it has no seat any more, once", async (t) => {
  const known = state("lobby");
  const { all, ended } = await aBot(t, known);
  all.latest.says({ type: "player_left", room_code: ROOM, seq: known.seq + 1, user_id: BEN.id, host_id: known.host_id, reason: "kicked" });
  await settled();
  assert.deepEqual(ended, ["kicked"]);
});

test("bots of others are bots, too", async (t) => {
  const known = state("lobby");
  const members = known.members.map((one) => ({ ...one, display_name: `${one.display_name} (bot)` }));
  const { all, passes } = await aBot(t, { ...known, members });
  await passes(MINUTE + 1);
  assert.ok(all.latest.last("leave_room"));
});

test("what is refused is not tried again and again, and one who has answered elsewhere learns of it", async (t) => {
  const known = own(state("answering"));
  const { all, passes } = await aBot(t, known);
  await passes(known.round.deadline - known.server_time - 2000);
  all.latest.refuses("submit_answer", { code: "already_answered" });
  await settled();
  assert.ok(all.latest.last("join_room"));
  await passes(1999);
  assert.equal(all.latest.commands("submit_answer").length, 1);
  await passes(5000);
  assert.ok(all.latest.commands("submit_answer").length <= 3);
});

test("one that has ended does nothing more, whatever was under way", async (t) => {
  const known = own(state("answering"));
  const drawn = [];
  deck.draw = async (language) => { drawn.push(language); return "an answer"; };
  const { all, ended, passes } = await aBot(t, known);
  await passes(known.round.deadline - known.server_time - 2000);
  assert.equal(drawn.length, 1);
  all.latest.ends(4401);
  await settled();
  assert.deepEqual(ended, ["stopped"]);
  for (let seconds = 0; seconds < 60; seconds += 1) await passes(1000);
  assert.equal(drawn.length, 1);
});
