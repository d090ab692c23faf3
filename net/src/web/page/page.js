// The page. It gets its data from the interface that API.md describes.
import { drawLedger, drawMap } from "/charts.js";

const $ = (id) => document.getElementById(id);
const LEDGER = ["useful_bytes", "payload_sent_bytes", "protocol_received_bytes", "protocol_sent_bytes",
  "wasted_endgame_bytes", "wasted_timeout_bytes", "wasted_after_choke_bytes", "wasted_hash_failure_bytes",
  "wasted_unrequested_bytes"];
const MOST_ROUNDS = 200, MOST_ROWS = 1000;
const WAITS = {
  nothing_needed: "has no piece that we need", choked: "it chokes us", silent: "does not answer requests",
  asked: "requested", unasked: "not requested yet",
};
const SERVES = {
  not_interested: "not interested", choked: "we choke it", request: "no request", link: "its link is full",
  cap: "waits for a rate cap", turn: "waits for its turn",
};
const STANDINGS = {
  regular: "unchoked", optimistic: "optimistic", ready: "unchoked, kept ready", waiting: "choked",
  not_interested: "choked, not interested",
};

const SOURCES = {
  User: "named by you", Tracker: "trackers", Resume: "earlier sessions", LocalNetwork: "local network",
  Link: "magnet link", Incoming: "incoming", Dht: "DHT", PeerExchange: "peer exchange",
};

let token = "", chosen = null, rounds = [], history = null, eras = [], flow = null, policies = [];

// The token is in the URL after the #; browsers do not send that part. It is kept for this tab.
function findToken() {
  const given = location.hash.slice(1);
  if (/^[0-9A-Za-z]{16,}$/.test(given)) {
    sessionStorage.setItem("token", given);
    window.history.replaceState(null, "", location.pathname);
  }
  token = sessionStorage.getItem("token") || "";
}

async function ask(path, options = {}) {
  const headers = { Authorization: `Bearer ${token}`, ...options.headers };
  const answer = await fetch(path, { ...options, headers });
  if (answer.status === 401) throw new Error("token");
  return answer;
}

async function json(path, options) {
  const answer = await ask(path, options);
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

// Server-sent events. EventSource cannot send the token header, so they are read here. `signal` ends it.
async function listen(path, signal, handle) {
  for (let wait = 1; !signal.aborted; wait = Math.min(2 * wait, 15)) {
    try {
      const answer = await ask(path, { signal });
      if (answer.status === 404) return handle("gone", null);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      let text = "";
      for await (const part of parts(answer.body)) {
        wait = 1;
        text += part;
        for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
          const [name, data] = text.slice(0, end).split("\ndata: ");
          handle(name.slice("event: ".length), JSON.parse(data));
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error.message === "token") return login("This token is wrong.");
      $("link").textContent = "no connection; trying again";
    }
    await new Promise((done) => setTimeout(done, wait * 1000));
  }
}

async function* parts(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let it; !(it = await reader.read()).done;) yield it.value;
}

function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (count >= 1024 && unit < 4) { count /= 1024; unit++; }
  return `${count < 10 && unit ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}
const rate = (count) => (count ? `${bytes(count)}/s` : "–");
function span(seconds) {
  if (seconds === null) return "–";
  const s = Math.round(seconds), two = (n) => String(n).padStart(2, "0");
  return s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)} min`
    : `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))} h`;
}
const percent = (part, all) => (all ? `${((100 * part) / all).toFixed(1)} %` : "–");
const blocks = (count) => (count === 1 ? "1 block" : `${count} blocks`);
const shortText = (value) => value.replaceAll("_", " ");

// A table row. Each cell is a text or [text, class, element].
function row(table, cells) {
  const heads = table.tHead.rows[0].cells, it = document.createElement("tr");
  cells.forEach((cell, place) => {
    const [text, name, inside] = Array.isArray(cell) ? cell : [cell];
    const td = document.createElement("td");
    td.dataset.label = heads[place].textContent;
    td.className = [heads[place].className, name || ""].join(" ").trim();
    const span = inside || document.createElement("span");
    if (!inside) span.textContent = text;
    td.append(span);
    it.append(td);
  });
  return it;
}
const fill = (table, rows) => table.tBodies[0].replaceChildren(...rows);

function showTorrents({ torrents }) {
  $("link").textContent = "live";
  $("none").hidden = torrents.length > 0;
  const focused = document.activeElement?.dataset?.hash;
  const sorted = [...torrents].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  fill($("torrents"), sorted.map((it) => {
    const name = document.createElement("button");
    [name.type, name.className, name.textContent, name.dataset.hash] = ["button", "plain", it.name, it.info_hash];
    name.onclick = () => choose(it.info_hash, true);
    const done = document.createElement("progress");
    [done.max, done.value] = [it.total_bytes || 1, it.have_bytes];
    done.setAttribute("aria-label", percent(it.have_bytes, it.total_bytes));
    const line = row($("torrents"), [["", "", name], it.state, ["", "", done], rate(it.down_bytes_per_s),
      rate(it.up_bytes_per_s), it.peers, it.policy]);
    if (it.info_hash === chosen) { line.className = "current"; name.setAttribute("aria-current", "true"); }
    return line;
  }));
  if (focused) document.querySelector(`[data-hash="${focused}"]`)?.focus();
  if (!chosen && sorted.length) choose(sorted[0].info_hash, false);
}

function choose(hash, move) {
  flow?.abort();
  flow = new AbortController();
  [chosen, rounds, history, eras] = [hash, [], null, []];
  $("rounds").replaceChildren();
  $("torrent").hidden = false;
  if (move) $("torrent").focus();
  const path = `/api/v1/torrents/${hash}`;
  json(`${path}/history`).then((it) => { history = it; }).catch(() => {});
  listen(`${path}/events`, flow.signal, (event, value) => {
    if (event === "torrent") showTorrent(value);
    if (event === "round") addRound(value);
    if (event === "gone" || event === "ended") flow.abort();
  });
}

function showTorrent(it) {
  $("name").textContent = it.name;
  $("done").max = it.total_bytes || 1;
  $("done").value = it.have_bytes;
  const ledger = it.ledger;
  const facts = {
    State: it.state, Done: `${percent(it.have_bytes, it.total_bytes)} of ${bytes(it.total_bytes)}`,
    Pieces: `${it.have_pieces} of ${it.pieces}`, Down: rate(it.down_bytes_per_s), Up: rate(it.up_bytes_per_s),
    Left: span(it.left_s), Peers: it.peers, "Web seeds": it.web_seeds,
    Useful: bytes(ledger.useful_bytes), Sent: bytes(ledger.payload_sent_bytes),
    "Share ratio": ledger.useful_bytes ? (ledger.payload_sent_bytes / ledger.useful_bytes).toFixed(2) : "–",
    Running: span(it.seconds),
  };
  $("facts").replaceChildren(...Object.entries(facts).map(([name, value]) => {
    const group = document.createElement("div");
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, text.textContent] = [name, value];
    group.append(term, text);
    return group;
  }));
  showLedger(it);
  const detail = it.detail;
  if (!detail) return;
  eras = detail.eras;
  $("why").textContent = it.state === "downloading" && !it.down_bytes_per_s ? detail.explained.text : "";
  showPeers(detail.peers);
  showPieces(it, detail.cells);
  showSources(detail.explained);
  showEras();
}

function showPeers(peers) {
  const flag = (is, letter) => (is ? letter : "");
  fill($("peers"), peers.map((it) => {
    const flags = flag(it.peer_interested, it.am_choking ? "u" : "U") +
      flag(it.am_interested, it.peer_choking ? "d" : "D") + flag(it.is_seed, "S") + flag(it.snubbed, "!");
    const ours = WAITS[it.download_waits_for] +
      (it.outstanding_requests ? `: ${blocks(it.outstanding_requests)}` : "");
    const its = SERVES[it.upload_waits_for] + (it.queued_requests ? `: ${blocks(it.queued_requests)}` : "");
    return row($("peers"), [it.address, [flags || "–", "flags"], rate(it.down_rate), rate(it.up_rate),
      String(it.have_count), ours, its]);
  }));
}

function showPieces(it, cells) {
  const lacked = cells.filter((cell) => cell[1] < cell[0]);
  const rare = lacked.filter((cell) => cell[3] === 1).length, none = lacked.filter((cell) => cell[3] === 0).length;
  $("pieces-text").textContent = `${it.have_pieces} of ${it.pieces} pieces are complete.` + (lacked.length
    ? ` Of ${lacked.length} incomplete parts of the map, ${rare} contain a piece with one copy among the peers and ` +
      `${none} contain a piece without a copy.` : "");
  drawMap($("map"), cells);
}

function showSources(it) {
  const words = (kind, all) => all.map((word) => row($("trackers"),
    [kind, word.url, [word.said ?? "not asked yet", word.failed ? "failed" : ""]]));
  const rows = [...words("tracker", it.trackers), ...words("web seed", it.web_seeds)];
  if (it.dht) rows.push(row($("trackers"), ["DHT", "–", it.dht]));
  $("trackers").hidden = !rows.length;
  fill($("trackers"), rows);
  const known = ["source", "known", "untried", "trying", "connected", "parted"];
  $("sources").hidden = !it.candidates.length;
  fill($("sources"), it.candidates.map((from) => {
    const failed = Object.entries(from).filter(([name, count]) => count > 0 && !known.includes(name));
    const text = failed.map(([name, count]) => `${count} ${shortText(name)}`).join(", ");
    return row($("sources"), [SOURCES[from.source] ?? from.source, from.known, from.untried, from.trying, from.connected,
      text || "–"].map(String));
  }));
  $("off").textContent = it.off.length ? `Off: ${it.off.join(", ")}.` : "";
}

function showLedger(it) {
  const sum = (way) => Object.entries(it.ledger).filter(([name]) =>
    name.startsWith(`${way}_`) && name.endsWith("_bytes")).reduce((all, [, count]) => all + count, 0);
  const wasted = sum("wasted");
  $("ledger-text").textContent = `Useful ${bytes(it.ledger.useful_bytes)}, in vain ${bytes(wasted)}, sent ` +
    `${bytes(it.ledger.payload_sent_bytes)}; protocol ${bytes(sum("received"))} received and ${bytes(sum("sent"))} sent. ` +
    "Dashed lines: the policy was switched.";
  fill($("ledger"), Object.entries(it.ledger).map(([name, count]) => row($("ledger"), [name, String(count)])));
  if (!history) return;
  const now = [it.seconds * 1000, it.ledger.useful_bytes, it.ledger.payload_sent_bytes, sum("received"), sum("sent"),
    ...history.columns.slice(5).map((name) => it.ledger[name])];
  history.rows.push(now);
  if (history.rows.length > MOST_ROWS) history.rows = history.rows.filter((_, place) => place % 2 === 0);
  drawLedger($("ledger-chart"), history.rows, history.columns, LEDGER, eras.slice(1).map((era) => era.from_s), bytes);
  if (!$("ledger-legend").children.length) {
    $("ledger-legend").replaceChildren(...LEDGER.map((name, number) => {
      const item = document.createElement("li");
      [item.className, item.textContent] = [`k${number}`, shortText(name.replace("_bytes", ""))];
      return item;
    }));
  }
}

function showEras() {
  fill($("eras"), eras.map((era, number) => {
    const time = Math.max(era.to_s - era.from_s, 0.001), ledger = era.ledger;
    const sum = (way) => Object.entries(ledger).filter(([name]) => name.startsWith(`${way}_`))
      .reduce((all, [, count]) => all + count, 0);
    const set = Object.entries(era.parameters).map(([name, value]) =>
      name.endsWith("_ns") ? `${name.slice(0, -3)}=${value / 1e9} s` : `${name}=${value}`).join(", ");
    const got = ledger.useful_bytes + sum("wasted");
    return row($("eras"), [[set ? `${era.policy} (${set})` : era.policy,
      number === eras.length - 1 ? "regular" : ""], span(era.from_s), span(time),
    rate(ledger.useful_bytes / time), rate(ledger.payload_sent_bytes / time), percent(sum("wasted"), got),
    rate((sum("sent") + sum("received")) / time)]);
  }));
}

function addRound(round) {
  // After a reconnect, rounds that we already have are sent again.
  if (rounds.length && rounds.at(-1).number >= round.number) return;
  rounds.push(round);
  if (rounds.length > MOST_ROUNDS) rounds.shift();
  listRounds();
}

function listRounds() {
  const only = $("ticks").checked, select = $("rounds");
  const listed = rounds.filter((it) => !only || it.trigger === "tick");
  const now = $("follow").checked ? null : select.value;
  select.replaceChildren(...listed.toReversed().map((it) => {
    const count = (what) => it.judged.filter(what).length;
    const text = `${it.at_s.toFixed(1)} s, ${it.trigger}: ` +
      `${count((peer) => ["regular", "optimistic", "ready"].includes(peer.standing))} unchoked, ` +
      `${count((peer) => peer.standing === "optimistic")} optimistic, ${count((peer) => peer.dropped)} dropped`;
    const option = document.createElement("option");
    [option.value, option.textContent] = [it.number, text];
    return option;
  }));
  if (now !== null && listed.some((it) => String(it.number) === now)) select.value = now;
  showRound();
}

function showRound() {
  const it = rounds.find((round) => String(round.number) === $("rounds").value);
  $("rule").textContent = it ? `${it.policy}: ${it.rule}.` : "No round yet.";
  fill($("judged"), (it?.judged ?? []).map((peer) => {
    const scores = Object.entries(peer.scores).map(([name, value]) => `${shortText(name)} ` +
      (/rate|cap$/.test(name) ? rate(value) : /bytes/.test(name) ? bytes(value) : value));
    const unchoked = !["waiting", "not_interested"].includes(peer.standing);
    const change = unchoked === peer.was_unchoked ? "" : unchoked ? " (new)" : " (was unchoked)";
    const became = peer.dropped ? "dropped" : STANDINGS[peer.standing] + change;
    const why = peer.why + (peer.dropped ? "; too slow to keep" : "") +
      (peer.kept_for_its_pieces ? "; kept, because no other peer has its pieces" : "");
    return row($("judged"), [String(peer.rank ?? "–"), peer.address ?? `connection ${peer.peer}`,
      [became, peer.dropped ? "dropped" : peer.standing], scores.join(", "), why]);
  }));
  $("left-out").textContent = it?.left_out ? `${it.left_out} more peers are not shown.` : "";
}

function showSummary() {
  const it = policies.find((policy) => policy.id === $("policy").value);
  const set = it?.parameters.map((parameter) => parameter.key).join(", ");
  $("summary").textContent = it ? `${it.summary}. Parameters: ${set || "none"}.` : "";
}

async function switchPolicy(event) {
  event.preventDefault();
  const parameters = {};
  for (const part of $("parameters").value.split(",").map((it) => it.trim()).filter(Boolean)) {
    const [name, ...value] = part.split("=");
    parameters[name.trim()] = value.join("=").trim();
  }
  try {
    const order = { policy: $("policy").value, parameters };
    await json(`/api/v1/torrents/${chosen}/policy`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(order),
    });
    $("switched").textContent = `${order.policy} is running now.`;
    $("switched").className = "ok";
  } catch (error) {
    $("switched").textContent = error.message;
    $("switched").className = "failed";
  }
}

function login(problem) {
  flow?.abort();
  $("main").hidden = true;
  $("login").hidden = false;
  $("login-problem").textContent = problem;
  $("link").textContent = "locked";
}

async function begin() {
  if (!token) return login("");
  try {
    policies = (await json("/api/v1/policies")).policies;
  } catch (error) {
    return login(error.message === "token" ? "This token is wrong." : error.message);
  }
  $("login").hidden = true;
  $("main").hidden = false;
  $("policy").replaceChildren(...policies.map((it) => new Option(it.id, it.id)));
  showSummary();
  listen("/api/v1/events", new AbortController().signal, (_, value) => showTorrents(value));
}

$("login").onsubmit = (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  sessionStorage.setItem("token", token);
  begin();
};
$("switch").onsubmit = switchPolicy;
$("policy").onchange = showSummary;
$("ticks").onchange = listRounds;
$("follow").onchange = listRounds;
$("rounds").onchange = () => { $("follow").checked = false; showRound(); };
window.onhashchange = () => { findToken(); begin(); };
findToken();
begin();
