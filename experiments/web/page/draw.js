// Draws figures as SVG text.
"use strict";

const COLOURS = ["#0072b2", "#d55e00"];
const WIDE = 460;
const HIGH = 240;
const LEFT = 46;
const LOW = 34;

// A frame with axes from 0, and a line of [x, y] points for each series.
function lines(title, x, y, series) {
  const greatest = (at) => Math.max(1e-9, ...series.flatMap((it) => it.points.map((point) => point[at])));
  const [mostX, mostY] = [greatest(0), greatest(1)];
  const px = (value) => LEFT + (value / mostX) * (WIDE - LEFT - 12);
  const py = (value) => HIGH - LOW - (value / mostY) * (HIGH - LOW - 26);
  const tick = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(2));
  let svg = `<svg viewBox="0 0 ${WIDE} ${HIGH}" role="img" aria-label="${title}"><text x="${LEFT}" y="14" class="t">${title}</text>`;
  for (const part of [0, 0.5, 1]) {
    svg += `<line x1="${LEFT}" x2="${WIDE - 12}" y1="${py(part * mostY)}" y2="${py(part * mostY)}" class="g"/>`
      + `<text x="${LEFT - 5}" y="${py(part * mostY) + 4}" class="e">${tick(part * mostY)}</text>`
      + `<text x="${px(part * mostX)}" y="${HIGH - LOW + 15}" class="m">${tick(part * mostX)}</text>`;
  }
  svg += `<text x="${(LEFT + WIDE) / 2}" y="${HIGH - 4}" class="m">${x}</text>`
    + `<text x="12" y="${HIGH / 2}" class="m" transform="rotate(-90 12 ${HIGH / 2})">${y}</text>`;
  series.forEach((it, at) => {
    const path = it.points.map((point, n) => `${n ? "L" : "M"}${px(point[0]).toFixed(1)} ${py(point[1]).toFixed(1)}`);
    svg += `<path d="${path.join("")}" fill="none" stroke="${COLOURS[at % 2]}" stroke-width="${it.thin ? 0.7 : 2}"/>`;
  });
  return `${svg}</svg>`;
}

// Share of completed peers over time. Ends below 1 if some peers did not complete.
function distribution(run) {
  const all = times(run);
  const steps = [[0, 0]];
  all.forEach((time, at) => {
    steps.push([time, at / leechers(run)], [time, (at + 1) / leechers(run)]);
  });
  return steps;
}

// One square per peer: the fuller, the earlier it completed. Origins are dark.
function squares(run, colour) {
  const end = run.ended_ns;
  const side = Math.ceil(Math.sqrt(run.nodes.length));
  let svg = `<svg viewBox="0 0 ${side * 10} ${Math.ceil(run.nodes.length / side) * 10}" class="squares" style="max-width: ${side * 2.2}rem">`;
  run.nodes.forEach((it, at) => {
    const done = it.completed_ns === null ? 0.05 : 1.05 - 0.9 * (it.completed_ns - it.arrived_ns) / end;
    const said = it.origin ? "origin" : it.completed_ns === null ? "did not complete"
      : `${((it.completed_ns - it.arrived_ns) / 1e9).toFixed(1)} s`;
    svg += `<rect x="${(at % side) * 10}" y="${Math.floor(at / side) * 10}" width="9" height="9"`
      + ` fill="${it.origin ? "#222" : colour}" fill-opacity="${it.origin ? 1 : done.toFixed(2)}">`
      + `<title>peer ${at}, ${run.classes[it.class] ?? ""}: ${said}</title></rect>`;
  });
  return `${svg}</svg>`;
}
