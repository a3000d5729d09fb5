// Plays whole games: node players.mjs URL PLAYERS ROUNDS. The first is the host; the second loads his page anew in each
// phase. Prints one line of JSON: what each knows in the end, what he was told, and how often he was connected.

import { VotegameClient } from "../../votegame/static/votegame-client.js";

const TIMES = { backoff: 200, backoffMost: 400, silence: 1000, pong: 1000, open: 3000, again: 100, reply: 1000 };
const [url, players, rounds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

function memory() {
  const kept = new Map();
  return {
    getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key),
  };
}

class Player {
  constructor(name, isReloading) {
    Object.assign(this, { name, isReloading, storage: memory(), seqs: [], refused: [], connections: 0, acted: new Set() });
    this.over = new Promise((resolve) => { this.end = resolve; });
    this.load();
  }

  load() {
    const client = new VotegameClient({ url, storage: this.storage, times: TIMES });
    this.client = client;
    this.seqs.push([]);
    client.addEventListener("status", ({ detail }) => { this.connections += detail.state === "open"; });
    client.addEventListener("frame", ({ detail }) => detail.seq && this.seqs.at(-1).push(detail.seq));
    client.addEventListener("room", ({ detail }) => detail.state && client === this.client && this.looks(detail.room));
  }

  /** Log in over a network that is as bad: a call may have to be made again. */
  async comes() {
    while (!this.client.token) await this.client.guest(this.name).catch(() => {});
    await this.client.connect();
  }

  /** Do what there is to do, once, as one who looks at his screen. */
  looks(room) {
    const { phase, round, you } = room.state;
    const at = `${phase} ${round?.round_id}`;
    if (phase === "finished") return this.end();
    if (this.isReloading && round && !this.acted.has(`reload ${at}`)) {
      this.acted.add(`reload ${at}`);
      this.client.close();
      this.load();
      return this.client.connect();
    }
    if (phase === "answering" && you.plays && !you.answer_id) this.does(`answer ${at}`, () => room.submitAnswer(`by ${this.name}`));
    if (phase === "voting" && you.plays && !you.vote) {
      const other = round.answers.find(({ id }) => id !== you.answer_id);
      this.does(`vote ${at}`, () => room.submitVote(other.id));
    }
    if (phase === "results" && room.isHost && round.round_number < round.total_rounds) {
      this.does(`next ${at}`, () => room.nextRound());
    }
  }

  /** One thing at a time: with a page that was loaded anew, it is done again. */
  async does(what, act) {
    const key = `${this.seqs.length} ${what}`;
    if (this.acted.has(key)) return;
    this.acted.add(key);
    await new Promise((resolve) => setTimeout(resolve, 100 + 200 * Math.random()));
    await act().catch(({ code }) => this.refused.push(code));
  }
}

const all = Array.from({ length: players }, (_, index) => new Player(`Player ${index}`, index === 1));
await Promise.all(all.map((player) => player.comes()));
const [host, ...others] = all;
const { room_code } = await host.client.createRoom({ total_rounds: rounds });
await Promise.all(others.map((player) => player.client.joinRoom(room_code)));
await host.client.room(room_code).startGame();
await Promise.all(all.map((player) => player.over));
const told = all.map(({ client, seqs, refused, connections }) => ({
  state: client.room(room_code).state, token: client.token, seqs, refused, connections,
}));
for (const { client } of all) client.close();
console.log(JSON.stringify(told));
