// The page: reads the choices, runs them in a worker, shows tables and figures.
"use strict";

const at = (id) => document.getElementById(id);
const escaped = (text) => String(text).replace(/[&<>"]/g, (it) => `&#${it.charCodeAt(0)};`);
const quoted = (word) => (/^[\w.=/:%,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

// A parameter in the form of a scenario: times are texts with a unit.
function parameter(it) {
  return it.name.endsWith("_ns") ? `${it.name.slice(0, -3)}=${Number(it.default) / 1e9} s` : `${it.name}=${it.default}`;
}

const FIELDS = ["scenario", "peers", "seed", "seeds", "a", "b", "seta", "setb", "set"];

let worker = null;
let waiting = null;
// The last run of each side, which its replay shows.
let last = { a: null, b: null };

// Starts a worker: the first one, or a new one after a stop.
function hire() {
  const source = at("worker-source").textContent;
  worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  worker.onmessage = ({ data }) => {
    if (data.part !== undefined) { at("part").value = data.part; return; }
    const done = waiting;
    waiting = null;
    done(data.answer ?? data);
  };
  const wasm = Uint8Array.from(atob(at("wasm").textContent.trim()), (it) => it.charCodeAt(0));
  return send({ wasm });
}

function send(message) {
  return new Promise((resolve) => { waiting = resolve; worker.postMessage(message); });
}

const words = (text) => text.split(/\s*\n\s*|\s*;\s*/).filter((it) => it);

// Changes of a side: peers and policy first, then those typed for both sides, then those of the side.
function changes(side) {
  const list = [];
  if (at("peers").value) { list.push(`peers=${at("peers").value}`); }
  list.push(`client.policy=${at(side).value}`);
  return list.concat(words(at("set").value), words(at(`set${side}`).value));
}

function command(side, seed) {
  const sets = changes(side).map((it) => ` --set ${quoted(it)}`).join("");
  return `lab sim ${quoted(at("scenario").value)} --seed ${seed}${sets}`;
}

function remember() {
  const state = new URLSearchParams(FIELDS.map((it) => [it, at(it).value]));
  history.replaceState(null, "", `#${state}`);
}

function recall() {
  const state = new URLSearchParams(location.hash.slice(1));
  FIELDS.filter((it) => state.has(it)).forEach((it) => { at(it).value = state.get(it); });
  return state.has("run");
}

async function compare() {
  remember();
  const seeds = Math.min(100, Math.max(1, Number(at("seeds").value) || 1));
  const runs = { a: [], b: [] };
  begun();
  for (const side of ["a", "b"]) { last[side] = null; at(`film-${side}`).innerHTML = ""; }
  for (let n = 0; n < seeds; n += 1) {
    for (const side of ["a", "b"]) {
      const seed = String(BigInt(at("seed").value || "1") + BigInt(n));
      at("now").textContent = `${at(side).value}, seed ${seed} (${n + 1} of ${seeds})`;
      at("part").value = 0;
      const request = { ask: "run", scenario: at("scenario").value, seed, set: changes(side) };
      const run = await send({ request });
      if (run.error) { at("said").textContent = run.error; return ended(run.fatal); }
      runs[side].push({ ...run, command: command(side, seed) });
      last[side] = { request: { ...request, ask: "watch" }, digest: run.digest };
    }
    show(runs);
  }
  return ended(false);
}

// The same run again, this time as a page with its film.
async function watch(side) {
  begun();
  at("now").textContent = `filming ${at(side).value}`;
  const film = await send({ request: last[side].request });
  const wrong = film.error ?? (film.digest === last[side].digest ? "" : `the film is of another run: ${film.digest}`);
  at("said").textContent = wrong;
  if (!wrong) {
    const frame = document.createElement("iframe");
    frame.title = `the run of the ${side === "a" ? "first" : "second"} policy`;
    frame.sandbox = "allow-scripts";
    frame.srcdoc = film.page;
    at(`film-${side}`).replaceChildren(frame);
  }
  return ended(film.fatal);
}

function begun() {
  for (const id of ["go", "watch-a", "watch-b"]) { at(id).disabled = true; }
  at("stop").disabled = false;
  at("said").textContent = "";
}

async function ended(broken) {
  at("go").disabled = false;
  at("stop").disabled = true;
  for (const side of ["a", "b"]) { at(`watch-${side}`).disabled = !last[side]; }
  at("now").textContent = "";
  at("part").value = 0;
  if (broken) { worker.terminate(); await hire(); }
  document.title = `ready: ${at("digests").textContent.split("\n")[0] || at("said").textContent}`;
}

function show(runs) {
  const each = { a: runs.a.map(figures), b: runs.b.map(figures) };
  const rows = [["completion time, geometric mean, s", "time", 1], ["bytes sent ÷ useful bytes", "cost", 3],
    ["wasted ÷ useful bytes", "waste", 4], ["copies that the origin sent, per completed copy", "origin", 3]];
  const whole = [...each.a, ...each.b].every((it) => it.whole);
  const cells = rows.map(([name, key, digits]) => {
    const [a, b] = ["a", "b"].map((side) => each[side].map((it) => it[key]));
    const pair = pairedRatio(a, b);
    const said = key === "time" && !whole ? "cannot tell: some peers did not complete"
      : pair ? `${pair.ratio.toFixed(3)} (95 % interval ${pair.low.toFixed(3)} to ${pair.high.toFixed(3)}, ${pair.count} paired seeds)`
        : "one seed proves nothing: take 10 or more";
    return `<tr><td>${name}</td><td>${mean(a).toFixed(digits)}</td><td>${mean(b).toFixed(digits)}</td><td>${said}</td></tr>`;
  });
  at("table").innerHTML = `<tr><th></th><th class="a">${escaped(at("a").value)}</th>`
    + `<th class="b">${escaped(at("b").value)}</th><th>first ÷ second</th></tr>${cells.join("")}`;
  const both = runs.a.flatMap((run, n) => [run, runs.b[n]]);
  const thin = runs.a.length > 1;
  const series = (of) => both.map((run) => ({ points: of(run), thin }));
  const some = both.every((it) => it.series.length > 1);
  at("pictures").innerHTML = lines("completion times", "seconds", "share of peers", series(distribution))
    + (some ? lines("download rate of the swarm", "seconds", "MB/s",
      series((run) => run.series.map((it) => [it[0] / 1e9, it[3] / 1e6]))) : "");
  at("peers-a").innerHTML = squares(runs.a.at(-1), COLOURS[0]);
  at("peers-b").innerHTML = squares(runs.b.at(-1), COLOURS[1]);
  at("digests").textContent = both.map((it) => `${it.digest}  ${it.command}`).join("\n");
}

async function start() {
  const ready = hire();
  await ready;
  const catalogue = await send({ request: { ask: "catalogue" } });
  const option = (value, said) => `<option value="${escaped(value)}" title="${escaped(said)}">${escaped(value)}</option>`;
  at("scenario").innerHTML = catalogue.scenarios.map((it) => option(it.name, it.about)).join("");
  const policies = catalogue.policies.map((it) => option(it.id, it.summary)).join("");
  for (const side of ["a", "b"]) {
    at(side).innerHTML = policies;
    const about = () => {
      const policy = catalogue.policies.find((it) => it.id === at(side).value);
      at(`about-${side}`).innerHTML = `${escaped(policy.summary)}<ul>${policy.parameters.map((it) =>
        `<li><code>client.parameters.${escaped(parameter(it))}</code> ${escaped(it.meaning)}</li>`).join("")}</ul>`;
    };
    at(side).onchange = about;
    about();
  }
  at("scenario").value = "flash-hetero";
  at("a").value = "tit_for_tat";
  at("b").value = "unchoke_all";
  const run = recall();
  at("a").onchange();
  at("b").onchange();
  at("go").onclick = compare;
  for (const side of ["a", "b"]) { at(`watch-${side}`).onclick = () => watch(side); }
  at("stop").onclick = async () => { worker.terminate(); waiting = null; await hire(); ended(false); };
  at("go").disabled = false;
  if (run) { compare(); } else { document.title = "ready"; }
}

start();
