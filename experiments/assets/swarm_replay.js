// The swarm replay: unpacks the steps of a run (see swarm_replay/encode.rs) and draws them.
"use strict";
(() => {
  const WHOLE_RUN_S = [15, 30, 60, 120];
  const RATE_WINDOW_S = 10;
  // Lines of a step at most, or it takes too long to draw.
  const MOST_LINES = 3000;
  const ABSENT = 0, LEECHER = 1, SEED = 2, GONE = 3;
  const LIVES = ["not there yet", "leecher", "seed", "gone"];
  const FLOW = "52, 102, 140", ORIGIN_FLOW = "200, 84, 0";
  const GIVES = "#0072b2", GETS = "#d55e00";

  // ---- unpacking

  class Input {
    constructor(base64) {
      const text = atob(base64);
      this.bytes = Uint8Array.from(text, (it) => it.charCodeAt(0));
      this.at = 0;
    }
    number() {
      let value = 0, scale = 1;
      for (;;) {
        const byte = this.bytes[this.at++];
        value += (byte & 127) * scale;
        if (byte < 128) return value;
        scale *= 128;
      }
    }
    // A row in which a 0 is followed by the number of 0s after it.
    row(length, take) {
      for (let at = 0; at < length;) {
        const value = this.number();
        if (value !== 0) take(at++, value);
        else at += 1 + this.number();
      }
    }
    // A sorted list of keys, each with a value below `values`.
    list(values, take) {
      const length = this.number();
      for (let at = 0, next = 0; at < length; at++) {
        const packed = this.number();
        const key = next + Math.floor(packed / values);
        take(key, packed % values);
        next = key + 1;
      }
    }
  }

  const unzigzag = (it) => (it % 2 === 0 ? it / 2 : -(it + 1) / 2);

  // Lists of all steps, one after the other; those of step f lie from start[f] to start[f + 1].
  class Lists {
    constructor(...names) {
      this.start = [0];
      this.names = names;
      for (const name of names) this[name] = [];
    }
    put(...values) {
      this.names.forEach((name, at) => this[name].push(values[at]));
    }
    close() {
      this.start.push(this[this.names[0]].length);
    }
  }

  function unpack(head, input) {
    const { frames, peers, columns } = head;
    const table = (Type, width) => new Type(frames * width);
    const film = {
      lives: table(Uint8Array, peers),
      pieces: table(Uint32Array, peers),
      down: table(Float64Array, peers),
      up: table(Float64Array, peers),
      copies: table(Uint16Array, columns),
      gained: new Lists("node", "column"),
      flows: new Lists("from", "to", "units"),
      flowCount: [],
      ties: new Lists("from", "to", "state"),
    };
    for (let f = 0; f < frames; f++) {
      const rows = (cells, width, change) => {
        if (f > 0) cells.copyWithin(f * width, (f - 1) * width, f * width);
        input.row(width, (at, value) => { cells[f * width + at] += change(value); });
      };
      const same = (it) => it;
      rows(film.lives, peers, unzigzag);
      rows(film.pieces, peers, unzigzag);
      rows(film.down, peers, same);
      rows(film.up, peers, same);
      rows(film.copies, columns, unzigzag);
      input.list(1, (key) => film.gained.put(Math.floor(key / columns), key % columns));
      film.flowCount.push(input.number());
      input.list(4, (key, few) => {
        const units = few < 3 ? few + 1 : 4 + input.number();
        film.flows.put(Math.floor(key / peers), key % peers, units);
      });
      input.list(4, (key, state) => film.ties.put(Math.floor(key / peers), key % peers, state));
      for (const lists of [film.gained, film.flows, film.ties]) lists.close();
    }
    return film;
  }

  // ---- what is known of a step

  function model(head, film) {
    const { peers, columns, unit_bytes: unit } = head;
    const window = Math.max(1, Math.round(RATE_WINDOW_S / head.step_s));
    const since = (f) => Math.max(-1, f - window);
    const time = (f) => Math.min((f + 1) * head.step_s, head.end_s);
    const span = (f) => Math.max(time(f) - (since(f) < 0 ? 0 : time(since(f))), 1e-9);
    const cell = (cells, width, f, at) => (f < 0 ? 0 : cells[f * width + at]);
    const each = (lists, f, take) => {
      for (let at = lists.start[f]; at < lists.start[f + 1]; at++) take(at);
    };
    return {
      time,
      rateSpan: span,
      life: (f, node) => cell(film.lives, peers, f, node),
      pieces: (f, node) => cell(film.pieces, peers, f, node),
      copies: (f, column) => cell(film.copies, columns, f, column),
      // Mean payload rate of a peer in bytes/s.
      rate: (cells, f, node) =>
        (cell(cells, peers, f, node) - cell(cells, peers, since(f), node)) * unit / span(f),
      // Mean payload rates between a peer and others: what it gets and what it gives.
      rates(f, node) {
        const rates = new Map();
        const add = (other, direction, units) => {
          if (!rates.has(other)) rates.set(other, { gets: 0, gives: 0 });
          rates.get(other)[direction] += units * unit / span(f);
        };
        for (let g = since(f) + 1; g <= f; g++) {
          each(film.flows, g, (at) => {
            const { from, to, units } = film.flows;
            if (from[at] === node) add(to[at], "gives", units[at]);
            if (to[at] === node) add(from[at], "gets", units[at]);
          });
        }
        return rates;
      },
      // The connections of a peer: bit 1 connected, bit 2 unchoked, by it and by the other.
      ties(f, node) {
        const ties = new Map();
        const { from, to, state } = film.ties;
        for (let at = 0; at < film.ties.start[f + 1]; at++) {
          if (from[at] !== node && to[at] !== node) continue;
          const other = from[at] === node ? to[at] : from[at];
          if (!ties.has(other)) ties.set(other, { own: 0, others: 0 });
          ties.get(other)[from[at] === node ? "own" : "others"] = state[at];
        }
        for (const [other, tie] of ties) if (tie.own === 0 && tie.others === 0) ties.delete(other);
        return ties;
      },
      // Columns of which a peer has every piece.
      columns(f, node) {
        const has = new Uint8Array(columns);
        for (let at = 0; at < film.gained.start[f + 1]; at++) {
          if (film.gained.node[at] === node) has[film.gained.column[at]] = 1;
        }
        return has;
      },
      // Everything that was unpacked of a step, for tests.
      describe(f) {
        const row = (cells, width) => Array.from(cells.slice(f * width, (f + 1) * width));
        const list = (lists) => {
          const rows = [];
          each(lists, f, (at) => rows.push(lists.names.map((name) => lists[name][at])));
          return rows;
        };
        return [
          row(film.lives, peers), row(film.pieces, peers), row(film.down, peers),
          row(film.up, peers), row(film.copies, columns), list(film.gained), film.flowCount[f],
          list(film.flows), list(film.ties),
        ];
      },
    };
  }

  // ---- colours and words

  function ramp(colors, share) {
    const place = Math.min(Math.max(share, 0), 1) * (colors.length - 1);
    const from = Math.min(Math.floor(place), colors.length - 2);
    const mix = (low, at) => Math.round(low + (colors[from + 1][at] - low) * (place - from));
    return `rgb(${colors[from].map(mix).join(",")})`;
  }

  function rate(bytes) {
    if (bytes <= 0) return "–";
    if (bytes < 1e6) return `${(bytes / 1e3).toFixed(bytes < 1e5 ? 1 : 0)} kB/s`;
    return `${(bytes / 1e6).toFixed(2)} MB/s`;
  }

  const seconds = (it) => (it < 1000 ? it.toFixed(1) : it.toFixed(0));

  function element(name, properties, ...children) {
    const it = document.createElement(name);
    Object.assign(it, properties);
    it.append(...children);
    return it;
  }

  // ---- drawing

  class Canvas {
    constructor(className, label) {
      this.element = element("canvas", { className });
      this.element.setAttribute("role", "img");
      this.element.setAttribute("aria-label", label);
      this.pen = this.element.getContext("2d");
    }
    // Makes it `height` pixels high and as wide as the page lets it, and wipes it.
    begin(height) {
      const width = this.element.clientWidth || 600;
      const tall = height || width;
      const scale = window.devicePixelRatio || 1;
      if (this.width !== width || this.height !== tall || this.scale !== scale) {
        Object.assign(this, { width, height: tall, scale });
        this.element.width = Math.round(width * scale);
        this.element.height = Math.round(tall * scale);
        this.element.style.height = `${tall}px`;
      }
      this.pen.setTransform(scale, 0, 0, scale, 0, 0);
      this.pen.clearRect(0, 0, width, tall);
      return this.pen;
    }
  }

  function shape(pen, head, life, node, x, y, radius) {
    if (head.isOrigin[node]) {
      const r = radius * 1.6;
      pen.moveTo(x, y - r);
      pen.lineTo(x + r, y);
      pen.lineTo(x, y + r);
      pen.lineTo(x - r, y);
      pen.closePath();
    } else if (life === SEED) {
      const r = radius * 0.9;
      pen.rect(x - r, y - r, 2 * r, 2 * r);
    } else {
      pen.moveTo(x + radius, y);
      pen.arc(x, y, radius, 0, 2 * Math.PI);
    }
  }

  // Draws steps into one canvas after the other. Holds nothing that changes but the canvases.
  function painter(head, film, facts) {
    const swarm = new Canvas("replay-swarm", "The swarm; choose a peer with the mouse or with the arrow keys up and down");
    const strip = new Canvas("replay-strip", "Copies of each piece in the swarm");
    const own = new Canvas("replay-strip", "Pieces of the chosen peer");
    const course = new Canvas("replay-course", "Seeds, leechers and rate over time");
    swarm.element.tabIndex = 0;
    const most = Math.max(1, ...film.flows.units.slice(0, 5e4));
    const strong = Math.max(2, Math.ceil(most / 4));

    function curve(pen, scale, from, to) {
      const [x1, y1, x2, y2] = [head.x[from], head.y[from], head.x[to], head.y[to]];
      // Bent towards the middle, so that neighbours on the ring are seen to be linked.
      const bend = (a, b) => (a + b) / 2 * 0.6 + head.side / 2 * 0.4;
      pen.moveTo(x1 * scale, y1 * scale);
      pen.quadraticCurveTo(bend(x1, x2) * scale, bend(y1, y2) * scale, x2 * scale, y2 * scale);
    }

    function flows(pen, scale, f, chosen) {
      const first = film.flows.start[f];
      const count = film.flows.start[f + 1] - first;
      const alpha = Math.min(0.75, Math.max(0.07, 9 / Math.sqrt(count + 1))) * (chosen === null ? 1 : 0.3);
      const groups = new Map();
      for (let at = first; at < first + count; at++) {
        const [from, to] = [film.flows.from[at], film.flows.to[at]];
        const own = from === chosen || to === chosen;
        // An even sample of the others, if there are too many.
        if (!own && count > MOST_LINES && (at - first) * MOST_LINES % count >= MOST_LINES) continue;
        const color = from === chosen ? GIVES : to === chosen ? GETS
          : `rgba(${head.isOrigin[from] ? ORIGIN_FLOW : FLOW}, ${alpha})`;
        const width = (film.flows.units[at] >= strong ? 2 : 1) * (own ? 1.5 : 0.8);
        const key = `${color}/${width}`;
        if (!groups.has(key)) groups.set(key, { color, width, lines: [] });
        groups.get(key).lines.push([from, to]);
      }
      for (const { color, width, lines } of groups.values()) {
        pen.strokeStyle = color;
        pen.lineWidth = width;
        pen.beginPath();
        for (const [from, to] of lines) curve(pen, scale, from, to);
        pen.stroke();
      }
    }

    function peers(pen, scale, f) {
      const radius = Math.max(head.radius * scale, 2.2);
      const groups = new Map();
      for (let node = 0; node < head.peers; node++) {
        const life = facts.life(f, node);
        const share = Math.round(32 * facts.pieces(f, node) / head.pieces) / 32;
        const key = life === ABSENT || life === GONE ? life - 10 : share;
        if (!groups.has(key)) groups.set(key, []);
        groups.get(key).push(node);
      }
      for (const [key, nodes] of groups) {
        const there = key >= 0;
        pen.beginPath();
        for (const node of nodes) {
          shape(pen, head, facts.life(f, node), node, head.x[node] * scale, head.y[node] * scale, there ? radius : radius * 0.4);
        }
        pen.lineWidth = radius > 4 ? 1 : 0.5;
        pen.fillStyle = there ? ramp(head.colors, key) : key === GONE - 10 ? "#ccc" : "#fff";
        pen.strokeStyle = there ? "#222" : "#bbb";
        pen.fill();
        pen.stroke();
      }
      if (head.marked === null) return;
      pen.beginPath();
      for (let node = 0; node < head.peers; node++) {
        const life = facts.life(f, node);
        if (head.client[node] !== head.marked || head.isOrigin[node] || life === ABSENT || life === GONE) continue;
        const [x, y] = [head.x[node] * scale, head.y[node] * scale];
        pen.moveTo(x + radius * 0.4, y);
        pen.arc(x, y, radius * 0.4, 0, 2 * Math.PI);
      }
      pen.fillStyle = "#fff";
      pen.fill();
    }

    function rings(pen, scale, f, chosen) {
      const radius = Math.max(head.radius * scale, 2.2);
      const ring = (node, color, wider) => {
        pen.beginPath();
        pen.arc(head.x[node] * scale, head.y[node] * scale, radius * (head.isOrigin[node] ? 1.6 : 1) + wider, 0, 2 * Math.PI);
        pen.strokeStyle = color;
        pen.lineWidth = 2;
        pen.stroke();
      };
      for (const [other, tie] of facts.ties(f, chosen)) {
        if (tie.own & 2) ring(other, GIVES, 2.5);
        if (tie.others & 2) ring(other, GETS, 5);
      }
      ring(chosen, "#000", 3.5);
      ring(chosen, "#000", 6.5);
    }

    function labels(pen, scale) {
      if (head.classLabels.length < 2) return;
      pen.fillStyle = "#444";
      pen.font = "13px sans-serif";
      pen.textBaseline = "middle";
      for (const { name, sine, cosine } of head.classLabels) {
        const at = (it, by) => (head.side / 2 + by * it) * scale;
        pen.textAlign = sine > 0.3 ? "left" : sine < -0.3 ? "right" : "center";
        const wide = pen.measureText(name).width;
        const [least, most] = { left: [0, wide], right: [wide, 0], center: [wide / 2, wide / 2] }[pen.textAlign];
        const x = Math.min(Math.max(at(sine, head.names_radius), least), swarm.width - most);
        pen.fillText(name, x, at(-cosine, head.names_radius));
      }
    }

    function bars(canvas, height, share, color) {
      const pen = canvas.begin(height);
      const width = canvas.width / head.columns;
      for (let column = 0; column < head.columns; column++) {
        const it = share(column);
        pen.fillStyle = color(it, column);
        const tall = Math.max(1, it * height);
        pen.fillRect(column * width, height - tall, Math.max(width - (width > 3 ? 1 : 0), 0.5), tall);
      }
    }

    function drawCourse(f) {
      const height = 54;
      const pen = course.begin(height);
      const x = (g) => (g + 1) / head.frames * course.width;
      const area = (values, color) => {
        pen.beginPath();
        pen.moveTo(0, height);
        values.forEach((value, g) => pen.lineTo(x(g), height - value * (height - 4)));
        pen.lineTo(course.width, height);
        pen.fillStyle = color;
        pen.fill();
      };
      area(head.present, "#d9e4ec");
      area(head.seeds, "#8fb3cb");
      pen.beginPath();
      head.rates.forEach((value, g) => pen.lineTo(x(g), height - value * (height - 4)));
      pen.strokeStyle = "#c85400";
      pen.lineWidth = 1.5;
      pen.stroke();
      pen.fillStyle = "#000";
      pen.fillRect(x(f) - 1, 0, 2, height);
    }

    return {
      swarm, strip, own, course,
      draw(f, chosen) {
        const pen = swarm.begin(0);
        const scale = swarm.width / head.side;
        flows(pen, scale, f, chosen);
        peers(pen, scale, f);
        if (chosen !== null) rings(pen, scale, f, chosen);
        labels(pen, scale);
        let top = 1;
        for (let column = 0; column < head.columns; column++) top = Math.max(top, facts.copies(f, column));
        bars(strip, 44, (column) => facts.copies(f, column) / top,
          (it, column) => (facts.copies(f, column) <= 1 ? "#c85400" : ramp([[170, 200, 222], [0, 60, 110]], it)));
        if (chosen !== null) {
          const has = facts.columns(f, chosen);
          bars(own, 16, () => 1, (_, column) => (has[column] ? "#003c6e" : "#e6e6e6"));
        }
        drawCourse(f);
      },
      // The peer nearest to a point of the page, if one is near.
      peerAt(event) {
        const box = swarm.element.getBoundingClientRect();
        const scale = head.side / box.width;
        const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
        let best = null, least = Math.max(head.radius * 1.8, 14 * scale) ** 2;
        for (let node = 0; node < head.peers; node++) {
          const distance = (head.x[node] - x) ** 2 + (head.y[node] - y) ** 2;
          if (distance < least) [best, least] = [node, distance];
        }
        return best;
      },
    };
  }

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
    // Where flows were left out, rates of pairs are at least what is said.
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
      // A focused button answers the space bar by itself.
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
    // On a page of its own the replay gets every key; in a report those that are meant for it.
    (document.querySelector("main") ? root : document).addEventListener("keydown", onKey);
    // In a frame of its own: drawing changes the height that is observed.
    new ResizeObserver(() => requestAnimationFrame(draw)).observe(root);

    // An address may end in #t=120&peer=5.
    const wanted = new URLSearchParams(location.hash.slice(1));
    if (Number(wanted.get("peer")) < head.peers && wanted.has("peer")) state.chosen = Number(wanted.get("peer"));
    if (Number(wanted.get("t")) >= 0 && wanted.has("t")) show(Math.ceil(Number(wanted.get("t")) / head.step_s) - 1);
    draw();
    return { frames: head.frames, show, choose, draw, toggle, describe: facts.describe };
  }

  // What is looked up often, or for the whole run.
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
    // For whoever waits for it, a test for example; readers get their title back.
    document.title = "ready";
    setTimeout(() => { document.title = name; }, 10000);
  } catch (error) {
    document.title = `failed: ${error.message}`;
    throw error;
  }
})();
