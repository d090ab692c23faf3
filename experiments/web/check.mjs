// node experiments/web/check.mjs LAB: compares digests of the page's engine with `lab sim`, in node and in
// headless Chromium, and uses the page as a student does. The page must be built. A second argument names a
// folder for pictures of the page.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import vm from "node:vm";
import zlib from "node:zlib";

import { Browser } from "./browser.mjs";

const root = path.join(path.dirname(new URL(import.meta.url).pathname), "../..");
const web = path.join(root, "target/web");
const lab = path.resolve(process.argv[2] ?? path.join(root, "target/release/lab"));
const pictures = process.argv[3];

// Each compares two policies. `set` holds changes of both sides; `seta` and `setb` those of one.
const CASES = [
  { scenario: "w1", peers: 100, seed: "1", a: "bep3", b: "tit_for_tat" },
  { scenario: "w1", peers: 100, seed: "2", a: "unchoke_all", b: "credit" },
  { scenario: "flash-hetero", peers: 100, seed: "7", a: "thrift", b: "propshare", set: ["torrent.size=4 MiB"] },
  { scenario: "w1", peers: 1000, seed: "1", a: "tit_for_tat", b: "unchoke_all", set: ["torrent.size=2 MiB"] },
  { scenario: "w1", peers: 1000, seed: "3", a: "bep3", b: "libtorrent_rate", set: ["torrent.size=2 MiB"] },
  { scenario: "flash-hetero", peers: 40, seed: "7", a: "tit_for_tat", b: "bep3", seta: ["client.max_connections=5"],
    setb: ["client.parameters.slots=2", "client.parameters.tick=20 s"] },
  { scenario: "churn", peers: 40, seed: "18446744073709551615", a: "bittyrant_paper", b: "random_k" },
];

function check(holds, otherwise) {
  if (!holds) { throw new Error(otherwise); }
}

// The changes of one side, as the page writes them.
function changes(it, side) {
  return [`peers=${it.peers}`, `client.policy=${it[side]}`, ...(it.set ?? []), ...(it[`set${side}`] ?? [])];
}

const known = new Map();

// The digest that `lab sim` prints.
function native(scenario, seed, set) {
  const words = ["sim", scenario, "--seed", seed, "--format", "json", ...set.flatMap((it) => ["--set", it])];
  const key = words.join("\n");
  if (!known.has(key)) { known.set(key, JSON.parse(execFileSync(lab, words)).digest); }
  return known.get(key);
}

let compared = 0;

function same(what, one, other) {
  check(one === other, `${what}: digest ${one}, natively ${other}`);
  compared += 1;
  console.log(`same  ${one}  ${what}`);
}

async function inNode() {
  // `engine.js` is not a module, so that a worker can include it. Here its function gets a name.
  vm.runInThisContext(fs.readFileSync(path.join(root, "experiments/web/page/engine.js"), "utf8"));
  const wasm = fs.readFileSync(path.join(web, "wasm32-unknown-unknown/release/unchoke_web.wasm"));
  let told = 0;
  const engine = await globalThis.loadEngine(wasm, () => { told += 1; });
  for (const it of CASES) {
    for (const side of ["a", "b"]) {
      const [{ scenario, seed }, set] = [it, changes(it, side)];
      const run = engine({ ask: "run", scenario, seed, set });
      same(`node: ${scenario} ${seed} ${set.join(" ")}`, run.error ?? run.digest, native(scenario, seed, set));
    }
  }
  check(told > 1000, `progress was told ${told} times`);
  const [{ scenario, seed }, set] = [CASES[5], changes(CASES[5], "a")];
  const film = engine({ ask: "watch", scenario, seed, set });
  check(film.page?.includes("replay-steps"), film.error ?? "a film without steps");
  same("node: the film of a run", film.digest, native(scenario, seed, set));
  const refused = engine({ ask: "run", scenario: "w1", seed: "1", set: ["client.polisy=bep3"] });
  check(refused.error?.includes("polisy"), JSON.stringify(refused));
}

// The address of the page with these choices.
function address(it) {
  const lines = (list) => (list ?? []).join("\n");
  const choices = { ...it, set: lines(it.set), seta: lines(it.seta), setb: lines(it.setb) };
  return `file://${web}/lab.html#${new URLSearchParams(choices)}`;
}

// Digests and command lines that the page shows.
async function shown(page) {
  const lines = (await page.text("digests")).trim().split("\n");
  return lines.map((it) => ({ digest: it.slice(0, 16), command: it.slice(18) }));
}

// Runs a command line of the page as a shell does.
function typed(command) {
  return execFileSync("sh", ["-c", `"$0" ${command.slice("lab ".length)}`, lab], { encoding: "utf8" });
}

async function casesInBrowser(browser) {
  for (const it of CASES) {
    const page = await browser.open(`${address({ ...it, seeds: 1 })}&run=1`);
    await page.ready();
    const runs = await shown(page);
    check(runs.length === 2, `the page shows ${runs.length} runs: ${await page.text("said")}`);
    for (const [at, { digest, command }] of runs.entries()) {
      same(`chromium: ${command}`, digest, native(it.scenario, it.seed, changes(it, "ab"[at])));
    }
    await page.close();
  }
}

const SMALL = { scenario: "flash-hetero", peers: 30, seed: "5", seeds: 3, a: "bep3", b: "tit_for_tat",
  set: ["torrent.size=2 MiB", "sample_every=5 s"] };

// Chooses, runs, watches, changes slots and period, copies the command line, shares the address.
async function asAStudent(browser) {
  const page = await browser.open(address(SMALL));
  await page.ready();
  await page.value('document.querySelector("#about-a button").click()');
  const suggested = await page.value('document.getElementById("seta").value');
  check(suggested === "client.parameters.slots=4", `a click on a parameter wrote ${suggested}`);
  await page.type("seta", "client.parameters.slots=2\nclient.parameters.tick=20 s");
  await page.click("go");
  await page.until("six runs", 'document.getElementById("digests").textContent.split("\\n").length === 6');
  await page.ready();
  const runs = await shown(page);
  const said = typed(runs[0].command);
  same(`typed: ${runs[0].command}`, runs[0].digest, /digest +(\w+)/.exec(said)?.[1]);
  const table = await page.text("table");
  check(/95 % interval .*3 paired seeds/.test(table), table);
  for (const side of ["a", "b"]) {
    await page.click(`watch-${side}`);
    const there = `document.querySelector("#film-${side} iframe") && !document.getElementById("go").disabled`;
    await page.until(`the film of ${side}`, there);
  }
  // The page compares the digest of a film with that of the run.
  check(await page.text("said") === "", await page.text("said"));
  if (pictures) {
    await page.picture(path.join(pictures, "wide.png"));
    await page.picture(path.join(pictures, "film.png"), "watch-a");
  }
  const shared = await browser.open(`${await page.value("location.href")}&run=1`, 390, 844);
  await shared.ready();
  check(JSON.stringify(await shown(shared)) === JSON.stringify(runs), "a shared address gives other runs");
  const wide = await shared.value("document.documentElement.scrollWidth");
  check(wide <= 390, `on a phone the page is ${wide} px wide`);
  if (pictures) { await shared.picture(path.join(pictures, "phone.png")); }
  await Promise.all([page.close(), shared.close()]);
}

// Wrong input gives a sentence, a stopped page runs again.
async function mistakes(browser) {
  const page = await browser.open(address(SMALL));
  await page.ready();
  for (const [field, text, part] of [["seed", "five", 'seed "five" is no whole number'],
    ["seed", "18446744073709551616", "is no whole number"], ["set", "torrent.sise=2 MiB", "torrent.sise"],
    ["peers", "0", "peers"]]) {
    const before = await page.value(`document.getElementById("${field}").value`);
    await page.type(field, text);
    await page.click("go");
    await page.until(`a sentence about ${text}`, 'document.getElementById("said").textContent');
    const sentence = await page.text("said");
    check(sentence.includes(part), `${field} ${text}: ${sentence}`);
    console.log(`refused  ${field} "${text}": ${sentence}`);
    await page.type(field, before);
  }
  await page.type("seeds", "90");
  await page.click("go");
  await page.until("the first run", 'document.getElementById("digests").textContent');
  await page.click("stop");
  await page.until("a page that can run", '!document.getElementById("go").disabled');
  await page.type("seeds", "1");
  await page.click("go");
  await page.until("two runs", 'document.getElementById("digests").textContent.split("\\n").length === 2');
  await page.close();
}

// The link of the report leads to the runs in the plan's table, to the digest.
async function fromTheReport(browser) {
  const folder = path.join(root, "results/choke_vs_naive");
  const link = /href="lab.html(#[^"]*)"/.exec(fs.readFileSync(path.join(folder, "report.html"), "utf8"))?.[1];
  check(link, "the report does not link to the page");
  const choices = new URLSearchParams(link.replaceAll("&amp;", "&").slice(1));
  choices.set("seed", choices.get("seed").split(" ").slice(0, 2).join(" "));
  choices.set("run", "1");
  const page = await browser.open(`file://${web}/lab.html#${choices}`);
  await page.ready();
  const table = zlib.gunzipSync(fs.readFileSync(path.join(folder, "runs.csv.gz"))).toString();
  const [head, ...rows] = table.trim().split("\n");
  const column = (name) => head.split(",").indexOf(name);
  const digests = new Map(rows.map((it) => it.split(",")).map((it) => [it[column("digest")], it[column("policy")]]));
  const runs = await shown(page);
  check(runs.length === 4, `${runs.length} runs: ${await page.text("said")}`);
  for (const { digest, command } of runs) {
    check(digests.has(digest), `${digest} ${command} is no run of the plan`);
    same(`report: ${digests.get(digest)}, ${command}`, digest, /digest +(\w+)/.exec(typed(command))?.[1]);
  }
  await page.close();
}

await inNode();
const browser = new Browser();
try {
  await casesInBrowser(browser);
  await asAStudent(browser);
  await mistakes(browser);
  await fromTheReport(browser);
  const outside = browser.requested.filter((it) => !/^(file|blob|data|about):/.test(it));
  check(outside.length === 0, `the page asked for ${outside.join()}`);
} finally {
  await browser.end();
}
console.log(`${compared} digests are the same`);
