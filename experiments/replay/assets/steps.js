// The data of each step of a run. All files of the replay become one script and share a scope.

const RATE_WINDOW_S = 10;
const ABSENT = 0, LEECHER = 1, SEED = 2, GONE = 3;

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
  // A row in which each 0 is followed by the number of further 0s.
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

// Lists of all steps in sequence; those of step f are from start[f] to start[f + 1].
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

// ---- the data of a step

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
    // Mean payload rates between a peer and others, received and sent.
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
    // Columns in which a peer has every piece.
    columns(f, node) {
      const has = new Uint8Array(columns);
      for (let at = 0; at < film.gained.start[f + 1]; at++) {
        if (film.gained.node[at] === node) has[film.gained.column[at]] = 1;
      }
      return has;
    },
    // All unpacked data of a step, for tests.
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
