// Charts: the map of pieces, and the ledger over time.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 240, LEFT = 80, BOTTOM = 24, TOP = 8;

function element(name, attributes = {}, text = "") {
  const it = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) it.setAttribute(key, value);
  it.textContent = text;
  return it;
}

/// Draws the map. Each cell, as in API.md: pieces, complete, in progress, copies of the rarest, copies of all.
export function drawMap(at, cells) {
  while (at.children.length > cells.length) at.lastChild.remove();
  while (at.children.length < cells.length) at.append(document.createElement("i"));
  cells.forEach(([pieces, have, begun, least], number) => {
    const it = at.children[number];
    const lacked = begun > 0 ? "begun" : least === 0 ? "none" : least === 1 ? "rare" : "common";
    const whole = have === pieces;
    const name = whole ? "have" : have > 0 ? `${lacked} part` : lacked;
    if (it.className !== name) it.className = name;
    if (!whole && have > 0) it.style.setProperty("--p", `${Math.round((100 * have) / pieces)}%`);
  });
}

/// Draws lines over time. The first column of `rows` is the time in ms; `switches` are times in s.
export function drawLedger(at, rows, columns, shown, switches, format) {
  // As wide as its place, so that the text has its size also on a telephone.
  const width = Math.max(300, at.clientWidth || 1000);
  const end = rows.length ? rows[rows.length - 1][0] : 1;
  const places = shown.map((name) => columns.indexOf(name));
  const most = Math.max(1, ...rows.map((row) => Math.max(...places.map((place) => row[place]))));
  const x = (ms) => LEFT + ((width - LEFT) * ms) / Math.max(end, 1);
  const y = (bytes) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - bytes / most);
  const svg = element("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true" });
  for (const part of [0, 0.5, 1]) {
    const height = y(part * most);
    svg.append(element("path", { class: "axis", d: `M${LEFT} ${height}H${width}` }));
    svg.append(element("text", { x: LEFT - 6, y: height + 4, "text-anchor": "end" }, format(part * most)));
  }
  for (const second of switches) {
    const place = x(second * 1000);
    svg.append(element("path", { class: "switch", d: `M${place} ${TOP}V${HEIGHT - BOTTOM}` }));
  }
  places.forEach((place, number) => {
    const points = rows.map((row) => `${x(row[0]).toFixed(1)} ${y(row[place]).toFixed(1)}`);
    if (points.length) svg.append(element("path", { class: `k${number}`, d: `M${points.join("L")}` }));
  });
  svg.append(element("text", { x: LEFT, y: HEIGHT - 6 }, "0 s"));
  svg.append(element("text", { x: width, y: HEIGHT - 6, "text-anchor": "end" }, `${Math.round(end / 1000)} s`));
  at.replaceChildren(svg);
}
