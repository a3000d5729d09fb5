// What a client makes of frames; whole stories are folded by the driver of `votegame conformance --serve`.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { fold, foldMissed, foldReply } from "../../votegame/static/votegame-client.js";
import { example, frozen, state } from "./support.mjs";

const LOBBY = frozen(state("lobby"));
const EXAMPLES = new URL("../../protocol/examples/", import.meta.url);
const NEXT = LOBBY.seq + 1;
const [ADA, BEN] = state("voting").members.map((one) => one.user_id);

test("an unknown event only counts", () => {
  for (const type of ["weather_changed", "constructor", "toString"]) {
    assert.deepEqual(fold(LOBBY, { type, seq: NEXT, wind: "north" }, ADA), { ...LOBBY, seq: NEXT });
  }
});

test("an unknown notice changes nothing", () => {
  assert.equal(fold(LOBBY, { type: "birthday", user_id: ADA }, ADA), LOBBY);
});

test("no state is changed in place, by no frame", () => {
  const states = ["lobby", "answering", "answering.paused", "voting", "results", "finished"].map((name) => frozen(state(name)));
  const frames = readdirSync(EXAMPLES).filter((name) => /^(event|notice)\./.test(name));
  const needsRound = new Set(["voting_started", "deadline_changed", "game_paused", "game_resumed", "round_ended", "game_ended"]);
  for (const name of frames) {
    const frame = frozen(example(name.replace(".json", "")));
    for (const before of states.filter(({ round }) => round || !needsRound.has(frame.type))) fold(before, frame, BEN);
  }
  assert.ok(frames.length > 20);
});

test("a notice of another round, or of none, changes nothing", () => {
  for (const name of ["notice.vote_update", "notice.answer_submitted", "notice.answer_flagged"]) {
    const notice = { ...example(name), round_id: "another" };
    for (const before of [LOBBY, frozen(state("voting"))]) assert.equal(fold(before, notice, BEN), before);
  }
});

test("missed events that were told before the reply are left out", () => {
  const events = [{ type: "room_locked", seq: NEXT }, { type: "room_unlocked", seq: NEXT + 1 }];
  const connected = LOBBY.members.filter((one) => one.connected).map((one) => one.user_id);
  const now = { connected, you: LOBBY.you, submitted_count: 0, participant_count: 3, vote_counts: null };
  const after = foldMissed(fold(LOBBY, events[0], ADA), { events, now }, ADA);
  assert.deepEqual(after, { ...LOBBY, seq: NEXT + 1 });
});

test("one who left and came back while he was away is a member again", () => {
  const ben = LOBBY.members.find((one) => one.user_id === BEN);
  const events = [
    { type: "player_left", seq: NEXT, user_id: BEN, host_id: ADA, reason: "left" },
    { type: "player_joined", seq: NEXT + 1, user_id: BEN, display_name: ben.display_name, role: "player" },
  ];
  const now = { connected: [BEN], you: LOBBY.you, submitted_count: 0, participant_count: 3, vote_counts: null };
  const after = foldMissed(LOBBY, { events, now }, BEN);
  assert.deepEqual(after.members.at(-1), { ...ben, connected: true });
  assert.equal(after.members.length, LOBBY.members.length);
});

test("one's own role is changed with that in the list", () => {
  const event = { type: "role_changed", seq: NEXT, user_id: BEN, role: "spectator" };
  const roles = (userId) => {
    const { members, you, leaderboard } = fold(LOBBY, event, userId);
    return [members.find((one) => one.user_id === BEN).role, you.role, leaderboard.some((line) => line.user_id === BEN)];
  };
  assert.deepEqual([roles(BEN), roles(ADA)], [["spectator", "spectator", false], ["spectator", "player", false]]);
});

test("equal scores share a rank, and who has played and left comes after the members", () => {
  const before = { ...state("voting"), leaderboard: [] };
  before.members = before.members.map((one, index) => ({ ...one, score: [1, 2, 1][index] }));
  const [ada, ben, cleo] = before.members.map((one) => one.user_id);
  const after = fold(before, { type: "player_left", seq: before.seq + 1, user_id: ada, host_id: ben }, ben);
  assert.deepEqual(after.leaderboard.map((line) => [line.rank, line.user_id]), [[1, ben], [2, cleo], [2, ada]]);
});

describe("an answer that was flagged", () => {
  const flagged = frozen(state("answering.flagged"));
  const notice = example("notice.answer_flagged");
  const command = { type: "submit_answer", round_id: notice.round_id };
  const { answer_flagged: _, ...you } = flagged.you;
  const before = frozen({ ...flagged, you: { ...you, answer_id: notice.answer_id } });

  test("is one's own no more", () => {
    assert.deepEqual(fold(fold(before, notice, BEN), notice, BEN), flagged);
  });

  test("does not come back with an `ok` that is told late", () => {
    assert.deepEqual(foldReply(flagged, command, { answer_id: notice.answer_id }), flagged);
  });

  test("is forgotten with another answer, and with the round", () => {
    const answered = foldReply(flagged, command, { answer_id: "another" });
    assert.equal(answered.you.answer_id, "another");
    assert.ok(!("answer_flagged" in answered.you));
    assert.ok(!("answer_flagged" in fold(flagged, { type: "game_reset", seq: flagged.seq + 1 }, BEN).you));
    assert.deepEqual(foldReply(answered, command, { answer_id: notice.answer_id }), answered);
    assert.deepEqual(fold(answered, notice, BEN), answered);
  });
});

test("the reply to a command of an earlier round tells nothing of this one", () => {
  const before = frozen(state("voting"));
  assert.equal(foldReply(before, { type: "submit_vote", round_id: "earlier" }, { vote_id: "v" }), before);
});
