// The page: reads the choices, runs them in a worker, shows tables and figures.
"use strict";

let worker = null;
let waiting = null;
// The last run of each side, which its replay shows.
let last = { a: null, b: null };
// The command lines of the runs in the table.
let commands = [];

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

async function compare() {
  remember();
  let seeds = [];
  try { seeds = seedList(); } catch (wrong) { at("said").textContent = wrong.message; return; }
  const runs = { a: [], b: [] };
  begun();
  for (const side of ["a", "b"]) { last[side] = null; at(`film-${side}`).innerHTML = ""; }
  for (const [n, seed] of seeds.entries()) {
    for (const side of ["a", "b"]) {
      at("now").textContent = `${at(side).value}, seed ${seed} (${n + 1} of ${seeds.length})`;
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
        : a.length > 1 ? "no ratio: it is 0 in some runs" : "one seed proves nothing: take 10 or more";
    const cell = (side, list) =>
      `<td class="${side}" data-of="${escaped(at(side).value)}">${mean(list).toFixed(digits)}</td>`;
    return `<tr><td>${name}</td>${cell("a", a)}${cell("b", b)}<td data-of="first ÷ second">${said}</td></tr>`;
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
  commands = both.map((it) => it.command);
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
      const items = policy.parameters.map((it) =>
        `<li><button type="button">${escaped(parameter(it))}</button> ${escaped(it.meaning)}</li>`);
      const hint = items.length ? ". To change a parameter, click on it." : ".";
      at(`about-${side}`).innerHTML = `${escaped(policy.summary)}${hint}<ul>${items.join("")}</ul>`;
    };
    at(side).onchange = about;
    at(`about-${side}`).onclick = ({ target }) => {
      if (target.tagName === "BUTTON") { suggest(`set${side}`, target.textContent); }
    };
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
  at("copy-commands").onclick = () => copy(commands.join("\n"));
  at("copy-link").onclick = () => { remember(); copy(location.href); };
  at("go").disabled = false;
  if (run) { compare(); } else { document.title = "ready"; }
}

start();
