/*
 * The bots of a page: guests of their own, beside it, so that the page never holds whose answers are theirs. It tells them
 * which room wants how many (`come`, `go`), that it is awake again (`wake`), and after a reload what they had told it to keep
 * (`begin`): their logins and rooms. They tell it that, and how many they are where.
 */

import { VotegameClient } from "../votegame-client.js";
import { Deck, nameOf, names } from "./bank.js";
import { Bot } from "./bot.js";

const ARRIVAL_MS = [300, 1500];

const deck = new Deck();
const kept = new Map(); // what each has in its storage, by its number
const seated = new Map(); // the bots that are somewhere, by their number
const tables = new Map(); // by room
let isDue = false;

/** Keep what one bot's client keeps; the page has it. */
const storage = {
  getItem: (number) => kept.get(number) ?? null,
  setItem: (number, text) => { kept.set(number, text); tell(); },
  removeItem: (number) => { kept.delete(number); tell(); },
};

function tell() {
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    const rooms = {};
    for (const { code } of seated.values()) rooms[code] = (rooms[code] ?? 0) + 1;
    postMessage({ type: "told", kept: Object.fromEntries(kept), rooms });
  });
}

function tableOf(code) {
  if (!tables.has(code)) tables.set(code, { deck, userIds: new Set(), n_sentAway: 0 });
  return tables.get(code);
}

/** The client of a bot. It has no part in the cookie, which is that of the one whose page this is. */
const clientOf = (number) => new VotegameClient({ storage, storageKey: number, credentials: "omit" });

function botOf(number, code, client) {
  const bot = new Bot(tableOf(code), client, (why) => {
    seated.delete(number);
    // Who was removed is not let in again, and a login that is over is none. The others may be of use once more.
    if (why === "kicked" || why === "stopped") kept.delete(number);
    else kept.set(number, JSON.stringify({ ...JSON.parse(kept.get(number)), rooms: [] }));
    tell();
  });
  return Object.assign(bot, { code });
}

/** The number of a bot that is nowhere, one who has been somewhere first, and whose name nobody has there. */
async function freeNumber(taken) {
  const known = await names();
  let number = 0;
  while (seated.has(`${number}`) || taken.includes(nameOf(known, number))) number += 1;
  return `${number}`;
}

async function connected(number) {
  const client = clientOf(number);
  const isNew = !client.token;
  if (isNew) await client.guest(nameOf(await names(), Number(number)));
  try {
    await client.connect();
    return client;
  } catch (error) {
    kept.delete(number);
    if (isNew) throw error;
    return connected(number); // its login was over
  }
}

/** A bot comes, and goes again at once if it is not `isWanted` any more. */
async function takeSeat(code, taken, isWanted) {
  const number = await freeNumber(taken);
  const bot = botOf(number, code, await connected(number));
  try {
    await bot.come(code);
  } catch (error) {
    bot.client.close();
    throw error;
  }
  seated.set(number, bot);
  tell();
  if (!isWanted()) await bot.leave();
}

/** So many come, one after another, until one is refused, or all are sent away. */
async function come({ id, room_code, count, taken }) {
  const table = tableOf(room_code);
  const { n_sentAway } = table;
  const areWanted = () => table.n_sentAway === n_sentAway;
  let n_came = 0;
  let refusal = null;
  while (n_came < count && !refusal && areWanted()) {
    try {
      await takeSeat(room_code, taken, areWanted);
      n_came += 1;
    } catch ({ code = "unknown", retryAfter, details }) {
      refusal = { code, retryAfter, details };
    }
    if (n_came < count && !refusal) await pause();
  }
  postMessage({ type: "came", id, n_came, refusal });
}

const pause = () => new Promise((over) => {
  setTimeout(over, ARRIVAL_MS[0] + Math.random() * (ARRIVAL_MS[1] - ARRIVAL_MS[0]));
});

async function go({ id, room_code }) {
  tableOf(room_code).n_sentAway += 1;
  await Promise.all([...seated.values()].filter(({ code }) => code === room_code).map((bot) => bot.leave()));
  postMessage({ type: "gone", id });
}

function begin({ kept: known }) {
  for (const [number, text] of Object.entries(known)) {
    kept.set(number, text);
    const client = clientOf(number);
    const [code] = client.rooms.keys();
    if (!code) continue;
    const bot = botOf(number, code, client);
    seated.set(number, bot);
    bot.stay(code);
    client.connect().catch(() => {}); // the bot hears of it
  }
  tell();
}

function wake() {
  for (const { client } of seated.values()) client.wake();
}

const WISHES = { begin, come, go, wake };

addEventListener("message", ({ data }) => WISHES[data.type](data));
