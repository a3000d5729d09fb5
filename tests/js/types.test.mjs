// The types say what is there, and nothing else: names of the module, of its classes, and of what the protocol sends.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as module from "../../votegame/static/votegame-client.js";
import { aClient, registry } from "./support.mjs";

const TYPES = readFileSync(new URL("../../votegame/static/votegame-client.d.ts", import.meta.url), "utf8").replace(
  /\/\*\*[\s\S]*?\*\//g, "",
);

/** The names that a class or an interface of the types has. */
function members(name) {
  const [, body] = TYPES.match(new RegExp(`export (?:class|interface) ${name}\\b[^{]*\\{\\n([\\s\\S]*?)\\n\\}`));
  const names = body.matchAll(/^ {2}(?:readonly |get )?(\[Symbol\.\w+\]|\w+)\??[(:]/gm);
  return [...new Set([...names].map(([, found]) => found))].sort();
}

/** The names that an object of a class has, its methods and its fields. */
function real(kind, made, inherited = []) {
  const methods = Reflect.ownKeys(kind.prototype).map((key) => (typeof key === "symbol" ? `[${key.description}]` : key));
  return [...new Set([...methods, ...Object.keys(made), ...inherited])].sort();
}

test("every exported name has a type, and the other way round", () => {
  const values = [...TYPES.matchAll(/^export (?:class|function|const) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(values.sort(), Object.keys(module).sort());
});

test("every method and every field has a type, and the other way round", () => {
  const { client } = aClient();
  assert.deepEqual(members("VotegameClient"), real(module.VotegameClient, client, ["addEventListener"]));
  assert.deepEqual(members("Room"), real(module.Room, new module.Room(client, "ABC234")));
  assert.deepEqual(members("VotegameError"), real(module.VotegameError, new module.VotegameError({ code: "kicked" })));
  assert.deepEqual(members("Times"), Object.keys(module.TIMES).sort());
});

test("functions take as many arguments as their types say", () => {
  for (const [, name, given] of TYPES.matchAll(/^export function (\w+)\((.*)\)/gm)) {
    const needed = given.replace(/\{[^}]*\}|\([^)]*\)/g, "").split(",").filter((one) => !one.includes("?"));
    assert.equal(module[name].length, needed.length, name);
  }
});

test("a state has the fields of its schema", () => {
  const { properties, $defs } = registry("schemas/state");
  assert.deepEqual(members("RoomState"), Object.keys(properties).sort());
  const shapes = { Settings: "max_players", Member: "has_played", Round: "round_number", You: "plays", BoardLine: "rank" };
  for (const [name, field] of Object.entries(shapes)) {
    const schema = Object.values($defs).find((each) => each.properties && field in each.properties);
    assert.deepEqual(members(name), Object.keys(schema.properties).sort(), name);
  }
});

test("every command has a method", () => {
  const inClient = ["authenticate", "create_room", "join_room", "ping", "resume"];
  const commands = registry("asyncapi").components.messages;
  const names = Object.keys(commands).filter((name) => name.startsWith("command.")).map((name) => name.slice(8));
  assert.ok(names.length > 20);
  for (const name of names.filter((each) => !inClient.includes(each))) {
    const method = name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
    assert.equal(typeof module.Room.prototype[method], "function", method);
  }
});
