// Draws a step of a run, with the data from `steps.js`.

// Most lines of a step; more would take too long to draw.
const MOST_LINES = 3000;
const FLOW = "52, 102, 140", ORIGIN_FLOW = "200, 84, 0";
const GIVES = "#0072b2", GETS = "#d55e00";

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
  // Makes the canvas `height` pixels high and as wide as the page allows, and clears it.
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

// Draws steps into several canvases. Its only changing state is the canvases.
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
    // Bent towards the middle, so that lines between neighbours on the ring are visible.
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
      // If there are too many others, an evenly spaced sample of them.
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
    // The peer nearest to a point of the page; none if the point is far from all peers.
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
