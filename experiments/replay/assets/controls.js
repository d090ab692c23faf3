// Texts and controls of the replay: turns actions of the reader into calls of `draw.js`.

const WHOLE_RUN_S = [15, 30, 60, 120];
const LIVES = ["not there yet", "leecher", "seed", "gone"];

// ---- words beside the drawing

function legend(head) {
  const item = (drawing, text) => {
    const it = element("li", { innerHTML: `<svg width="16" height="16" viewBox="-8 -8 16 16" aria-hidden="true">${drawing}</svg>` });
    it.append(text);
    return it;
  };
  const style = 'fill="#7c7b78" stroke="#222"';
  const steps = [0, 0.25, 0.5, 0.75, 1].map((it, at) => `<rect x="${at * 3.2 - 8}" y="-5" width="3.2" height="10" fill="${ramp(head.colors, it)}"/>`);
  const list = element("ul", { className: "replay-legend" },
    item(`<circle r="5" ${style}/>`, "leecher"),
    item(`<rect x="-5" y="-5" width="10" height="10" ${style}/>`, "seed"),
    item(`<path d="M0-7 7 0 0 7-7 0z" ${style}/>`, "origin"));
  if (head.marked !== null) {
    list.append(item(`<circle r="6" ${style}/><circle r="2.5" fill="#fff"/>`, `runs ${head.clients[head.marked]}`));
  }
  list.append(
    item(steps.join(""), "pieces: none to all"),
    item(`<path d="M-8 0H8" stroke="rgb(${FLOW})" stroke-width="2"/>`, "blocks between peers"),
    item(`<path d="M-8 0H8" stroke="rgb(${ORIGIN_FLOW})" stroke-width="2"/>`, "blocks from an origin"),
    item(`<circle r="6" fill="none" stroke="${GIVES}" stroke-width="2"/>`, "the chosen peer unchokes it"),
    item(`<circle r="6" fill="none" stroke="${GETS}" stroke-width="2"/>`, "it unchokes the chosen peer"));
  return list;
}

function now(head, film, facts, f) {
  const counts = [0, 0, 0, 0];
  let down = 0;
  for (let node = 0; node < head.peers; node++) {
    if (!head.isOrigin[node]) counts[facts.life(f, node)]++;
    down += facts.rate(film.down, f, node);
  }
  const flows = film.flowCount[f];
  const drawn = Math.min(film.flows.start[f + 1] - film.flows.start[f], MOST_LINES);
  const sample = drawn < flows ? `, ${drawn} of them drawn` : "";
  return [
    element("b", { textContent: `${seconds(facts.time(f))} s` }),
    ` of ${seconds(head.end_s)} s: ${counts[LEECHER]} leechers, ${counts[SEED]} seeds, ${counts[GONE]} gone, ${counts[ABSENT]} to come; ${rate(down)} in all; ${flows} flows in this step of ${head.step_s} s${sample}`,
  ];
}

function rarest(head, facts, f) {
  let least = Infinity, most = 0;
  for (let column = 0; column < head.columns; column++) {
    least = Math.min(least, facts.copies(f, column));
    most = Math.max(most, facts.copies(f, column));
  }
  const unit = head.pieces_a_column > 1 ? ` Each bar is the rarest of ${head.pieces_a_column} pieces.` : "";
  return `${head.pieces} pieces, copies of each in the swarm: the rarest has ${least}, the most frequent bar ${most}.${unit} Orange: at most one copy.`;
}

// A table of the connections of the chosen peer.
function connections(head, film, facts, f, chosen, choose) {
  const rates = facts.rates(f, chosen);
  const ties = facts.ties(f, chosen);
  const none = { gets: 0, gives: 0 }, loose = { own: 0, others: 0 };
  const others = [...new Set([...ties.keys(), ...rates.keys()])];
  const of = (it) => ({ tie: ties.get(it) || loose, rate: rates.get(it) || none });
  const weight = (it) => {
    const { tie, rate: { gets, gives } } = of(it);
    return gets + gives + ((tie.own & 2) + (tie.others & 2)) * 1e9;
  };
  others.sort((a, b) => weight(b) - weight(a) || a - b);
  const row = (it) => {
    const { tie, rate: { gets, gives } } = of(it);
    const yes = (bits) => (bits & 2 ? "yes" : tie.own || tie.others ? "–" : "");
    const name = element("button", { type: "button", textContent: `${it}`, onclick: () => choose(it) });
    const cells = [LIVES[facts.life(f, it)], `${facts.pieces(f, it)}`, yes(tie.own), yes(tie.others), rate(gets), rate(gives)];
    if (head.isOrigin[it]) cells[0] = "origin";
    return element("tr", {}, element("td", {}, name), ...cells.map((text) => element("td", { textContent: text })));
  };
  const titles = ["with peer", "state", "pieces", "it unchokes", "unchokes it", "gets", "gives"];
  const titleRow = element("tr", {}, ...titles.map((text) => element("th", { textContent: text })));
  // If flows were left out, the rates of pairs are lower bounds.
  const partial = film.flows.start[f + 1] - film.flows.start[f] < film.flowCount[f];
  const note = partial ? "Rates are of the largest flows of the swarm only." : "";
  return [
    element("p", { className: "replay-small", textContent: note }),
    element("table", {}, element("thead", {}, titleRow), element("tbody", {}, ...others.map(row))),
  ];
}

function portrait(head, film, facts, f, chosen) {
  const ties = [...facts.ties(f, chosen).values()];
  const life = head.isOrigin[chosen] ? "origin" : LIVES[facts.life(f, chosen)];
  const count = (keep) => ties.filter(keep).length;
  return [
    element("b", { textContent: `Peer ${chosen}, ${life}` }),
    `: class ${head.classes[head.class[chosen]]}, runs ${head.clients[head.client[chosen]]}, link ${rate(head.up[chosen])} up and ${rate(head.down[chosen])} down; ${facts.pieces(f, chosen)} of ${head.pieces} pieces; gets ${rate(facts.rate(film.down, f, chosen))}, gives ${rate(facts.rate(film.up, f, chosen))}; ${count((it) => it.own & 1)} connections, unchokes ${count((it) => it.own & 2)}, unchoked by ${count((it) => it.others & 2)}.`,
  ];
}

// ---- the controls

function start(root) {
  const text = (id) => document.getElementById(id).textContent;
  const head = JSON.parse(text("replay-head"));
  const film = unpack(head, new Input(text("replay-steps")));
  const facts = model(head, film);
  prepare(head, film, facts);
  const paint = painter(head, film, facts);
  const state = { frame: head.first, chosen: null, playing: false, fresh: true };

  const nowLine = element("p", { className: "replay-now" });
  const play = element("button", { type: "button", textContent: "Play" });
  const slider = element("input", { type: "range", min: 0, max: head.frames - 1, step: 1 });
  slider.setAttribute("aria-label", "Time");
  const speed = element("select", {}, ...WHOLE_RUN_S.map((it) => element("option", { value: it, textContent: `the run in ${it} s`, selected: it === 30 })));
  speed.setAttribute("aria-label", "Speed");
  const pieces = element("p", { className: "replay-small" });
  const peer = element("p", { className: "replay-now", id: "replay-chosen" });
  const table = element("div", { className: "replay-peer" });
  const keys = "Space plays and pauses, left and right step (with Shift ten steps), up and down choose a peer, Escape lets it go.";
  const courseNote = "Peers there (light), seeds among them (dark) and payload rate (line), each of its maximum.";
  root.append(element("div", { className: "replay-grid" },
    element("div", {}, paint.swarm.element, legend(head)),
    element("div", {}, nowLine,
      element("div", { className: "replay-controls" }, play, slider, speed),
      paint.course.element, element("p", { className: "replay-small", textContent: courseNote }),
      element("h4", { textContent: "Piece availability" }), paint.strip.element, pieces,
      element("h4", { textContent: "The chosen peer" }), peer, paint.own.element, table,
      element("p", { className: "replay-small", textContent: keys }))));
  root.classList.add("replay-running");

  function draw() {
    const f = Math.floor(state.frame);
    paint.own.element.style.display = state.chosen === null ? "none" : "";
    paint.draw(f, state.chosen);
    if (document.activeElement !== slider || Number(slider.value) !== f) slider.value = f;
    slider.setAttribute("aria-valuetext", `${seconds(facts.time(f))} s`);
    play.textContent = state.playing ? "Pause" : "Play";
    nowLine.replaceChildren(...now(head, film, facts, f));
    pieces.textContent = rarest(head, facts, f);
    if (state.chosen === null) {
      peer.textContent = "None: click on one to see whom it unchokes and what it gets and gives.";
      table.replaceChildren();
    } else {
      peer.replaceChildren(...portrait(head, film, facts, f, state.chosen));
      table.replaceChildren(...connections(head, film, facts, f, state.chosen, choose));
    }
  }
  function show(frame) {
    state.frame = Math.min(Math.max(frame, 0), head.frames - 1);
    state.fresh = false;
    draw();
  }
  function choose(node) {
    state.chosen = node;
    draw();
  }
  let last = null;
  function tick(at) {
    if (!state.playing) return;
    const passed = last === null ? 0 : Math.min(at - last, 250);
    last = at;
    state.frame += passed / 1000 * head.frames / Number(speed.value);
    if (state.frame >= head.frames - 1) [state.frame, state.playing] = [head.frames - 1, false];
    draw();
    if (state.playing) requestAnimationFrame(tick);
  }
  function toggle() {
    state.playing = !state.playing;
    if (state.playing) {
      if (state.fresh || state.frame >= head.frames - 1) state.frame = 0;
      state.fresh = false;
      last = null;
      requestAnimationFrame(tick);
    }
    draw();
  }
  function onKey(event) {
    if (event.target === speed || event.ctrlKey || event.altKey || event.metaKey) return;
    const step = event.shiftKey ? 10 : 1;
    const next = state.chosen === null ? 0 : state.chosen;
    const actions = {
      ArrowLeft: () => show(Math.floor(state.frame) - step),
      ArrowRight: () => show(Math.floor(state.frame) + step),
      ArrowUp: () => choose((next + head.peers - 1) % head.peers),
      ArrowDown: () => choose(state.chosen === null ? 0 : (next + 1) % head.peers),
      Home: () => show(0),
      End: () => show(head.frames - 1),
      Escape: () => choose(null),
    };
    // A focused button handles the space bar itself.
    if (event.target.tagName !== "BUTTON") actions[" "] = toggle;
    if (actions[event.key]) {
      event.preventDefault();
      actions[event.key]();
    }
  }
  play.onclick = toggle;
  slider.oninput = () => show(Number(slider.value));
  paint.swarm.element.onclick = (event) => choose(paint.peerAt(event));
  paint.course.element.onclick = (event) => {
    const box = paint.course.element.getBoundingClientRect();
    show(Math.floor((event.clientX - box.left) / box.width * head.frames));
  };
  // On its own page the replay handles all keys; in a report only those pressed inside it.
  (document.querySelector("main") ? root : document).addEventListener("keydown", onKey);
  // In a separate animation frame, because drawing changes the observed height.
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(root);

  // An address may end in #t=120&peer=5.
  const wanted = new URLSearchParams(location.hash.slice(1));
  if (Number(wanted.get("peer")) < head.peers && wanted.has("peer")) state.chosen = Number(wanted.get("peer"));
  if (Number(wanted.get("t")) >= 0 && wanted.has("t")) show(Math.ceil(Number(wanted.get("t")) / head.step_s) - 1);
  draw();
  return { frames: head.frames, show, choose, draw, toggle, describe: facts.describe };
}

// Values that are used often, or that belong to the whole run.
function prepare(head, film, facts) {
  head.isOrigin = new Uint8Array(head.peers);
  for (const node of head.origins) head.isOrigin[node] = 1;
  const sums = new Map();
  for (let node = 0; node < head.peers; node++) {
    if (head.isOrigin[node]) continue;
    const name = head.classes[head.class[node]];
    const sum = sums.get(name) || { name, x: 0, y: 0 };
    sum.x += head.x[node] - head.side / 2;
    sum.y += head.side / 2 - head.y[node];
    sums.set(name, sum);
  }
  head.classLabels = [...sums.values()].map(({ name, x, y }) => {
    const length = Math.hypot(x, y) || 1;
    return { name, sine: x / length, cosine: y / length };
  });
  const steps = [...Array(head.frames).keys()];
  const count = (f, keep) => {
    let sum = 0;
    for (let node = 0; node < head.peers; node++) sum += keep(facts.life(f, node)) ? 1 : 0;
    return sum;
  };
  const scaled = (values) => {
    const top = Math.max(1, ...values);
    return values.map((it) => it / top);
  };
  const present = steps.map((f) => count(f, (it) => it === LEECHER || it === SEED));
  const top = Math.max(1, ...present);
  head.present = present.map((it) => it / top);
  head.seeds = steps.map((f) => count(f, (it) => it === SEED) / top);
  head.rates = scaled(steps.map((f) => {
    let sum = 0;
    for (let node = 0; node < head.peers; node++) sum += facts.rate(film.down, f, node);
    return sum;
  }));
}

const name = document.title;
try {
  window.unchokeReplay = start(document.getElementById("replay-stage"));
  // Signals that the page is ready, for example to a test; then restores the title.
  document.title = "ready";
  setTimeout(() => { document.title = name; }, 10000);
} catch (error) {
  document.title = `failed: ${error.message}`;
  throw error;
}
