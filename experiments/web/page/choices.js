// The choices of the page: read from its fields, kept in its address, written as command lines.
"use strict";

const at = (id) => document.getElementById(id);
const escaped = (text) => String(text).replace(/[&<>"]/g, (it) => `&#${it.charCodeAt(0)};`);
const quoted = (word) => (/^[\w.=/:%,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

const FIELDS = ["scenario", "peers", "seed", "seeds", "a", "b", "seta", "setb", "set"];
const MOST_RUNS = 100;

// Seeds of the runs: those typed, or consecutive ones from the only one typed. Throws if one is no number.
function seedList() {
  const typed = at("seed").value.split(/[\s,;]+/).filter((it) => it);
  const wrong = typed.find((it) => !/^\d+$/.test(it));
  if (wrong !== undefined || !typed.length) {
    throw new Error(`seed "${wrong ?? ""}" is no whole number from 0 to 2^64 - 1`);
  }
  if (typed.length > 1) { return typed.slice(0, MOST_RUNS); }
  const count = Math.min(MOST_RUNS, Math.max(1, Math.floor(Number(at("seeds").value)) || 1));
  return Array.from({ length: count }, (_, n) => String(BigInt(typed[0]) + BigInt(n)));
}

// Changes in a field: one per line, or separated by semicolons.
const written = (id) => at(id).value.split(/\s*\n\s*|\s*;\s*/).map((it) => it.trim()).filter((it) => it);

// Changes of a side: peers and policy first, then those typed for both sides, then those of the side.
function changes(side) {
  const list = [];
  if (at("peers").value) { list.push(`peers=${at("peers").value}`); }
  list.push(`client.policy=${at(side).value}`);
  return list.concat(written("set"), written(`set${side}`));
}

function command(side, seed) {
  const sets = changes(side).map((it) => ` --set ${quoted(it)}`).join("");
  return `lab sim ${quoted(at("scenario").value)} --seed ${seed}${sets}`;
}

// A parameter in the form of a scenario: times are texts with a unit.
function parameter(it) {
  const time = it.name.endsWith("_ns");
  const value = time ? `${it.name.slice(0, -3)}=${Number(it.default) / 1e9} s` : `${it.name}=${it.default}`;
  return `client.parameters.${value}`;
}

// Adds a change to a field, where the user then edits its value. A key that is there already is left alone.
function suggest(field, change) {
  const lines = written(field);
  const key = change.split("=")[0];
  if (!lines.some((it) => it.split("=")[0].trim() === key)) { lines.push(change); }
  at(field).value = lines.join("\n");
  at(field).focus();
}

function remember() {
  const state = new URLSearchParams(FIELDS.map((it) => [it, at(it).value]));
  history.replaceState(null, "", `#${state}`);
}

// Fills in the choices in the address. Returns whether to run them at once.
function recall() {
  const state = new URLSearchParams(location.hash.slice(1));
  FIELDS.filter((it) => state.has(it)).forEach((it) => { at(it).value = state.get(it); });
  return state.has("run");
}

// Copies a text. Where the browser refuses, shows and selects it for the user to copy.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    at("copied").textContent = "copied";
  } catch {
    at("copied").textContent = text;
    getSelection().selectAllChildren(at("copied"));
  }
}
