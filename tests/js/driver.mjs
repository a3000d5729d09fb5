// Drives the client through the stories of `votegame conformance --serve`: node driver.mjs TIMES URL...
// TIMES are the client's own, as JSON. It prints what differs, and ends with 1 if anything does.

import { VotegameClient } from "../../votegame/static/votegame-client.js";

async function drive(url, times) {
  const client = new VotegameClient({ url, times, storage: null });
  const acts = {
    async connect({ display_name }) {
      await client.guest(display_name);
      client.connect();
    },
    async report({ room_code }) {
      const body = JSON.stringify(client.room(room_code)?.state ?? null);
      await fetch(`${url}/state`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    },
    disconnect: () => client.close(),
  };
  for (;;) {
    const told = await (await fetch(`${url}/cue`)).json();
    if (told.done) return client.close(), told.differences;
    if (!told.cue) continue;
    const { type, ...fields } = told.cue;
    if (acts[type]) await acts[type](fields);
    else client.command(type, fields).catch(() => {}); // the story is about what comes of it
  }
}

const [times, ...urls] = process.argv.slice(2);
const differences = await Promise.all(urls.map((url) => drive(url, JSON.parse(times))));
urls.forEach((url, index) => differences[index].forEach((line) => console.log(`${url}: ${line}`)));
process.exitCode = differences.flat().length ? 1 : 0;
