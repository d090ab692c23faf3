// node experiments/web/check.mjs LAB: compares digests of the page's engine with `lab sim`, in node and in
// headless Chromium. The page must be built. A second argument names a file for a picture of the page.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import vm from "node:vm";

const here = path.dirname(new URL(import.meta.url).pathname);
const web = path.join(here, "../../target/web");
const lab = path.resolve(process.argv[2] ?? path.join(here, "../../target/release/lab"));
const RUNS = [
  ["w1", "1", ["peers=100"]],
  ["w1", "1", ["peers=1000", "torrent.size=2 MiB"]],
  ["flash-hetero", "7", ["peers=40", "client.policy=tit_for_tat", "client.max_connections=5"]],
  ["flash-hetero", "7", ["peers=40", "client.policy=bep3", "client.parameters.tick=20 s"]],
  ["churn", "18446744073709551615", ["peers=40", "client.policy=bittyrant_paper"]],
];

function native(scenario, seed, set) {
  const sets = set.flatMap((it) => ["--set", it]);
  return JSON.parse(execFileSync(lab, ["sim", scenario, "--seed", seed, "--format", "json", ...sets])).digest;
}

function same(what, one, other) {
  if (one !== other) { throw new Error(`${what}: digest ${one}, natively ${other}`); }
  console.log(`same  ${one}  ${what}`);
}

// `engine.js` is not a module, so that a worker can include it. Here its function gets a name.
vm.runInThisContext(fs.readFileSync(path.join(here, "page/engine.js"), "utf8"));
const wasm = fs.readFileSync(path.join(web, "wasm32-unknown-unknown/release/unchoke_web.wasm"));
let told = 0;
const engine = await globalThis.loadEngine(wasm, () => { told += 1; });
for (const [scenario, seed, set] of RUNS) {
  const run = engine({ ask: "run", scenario, seed, set });
  same(`node: ${scenario} ${seed} ${set.join(" ")}`, run.error ?? run.digest, native(scenario, seed, set));
}
if (told < 1000) { throw new Error(`progress was told ${told} times`); }
const [scenario, seed, set] = RUNS[2];
const film = engine({ ask: "watch", scenario, seed, set });
if (film.error || !film.page.includes("replay-steps")) { throw new Error(film.error ?? "a film without steps"); }
same("node: the film of a run", film.digest, native(scenario, seed, set));
const refused = engine({ ask: "run", scenario: "w1", seed: "1", set: ["client.polisy=bep3"] });
if (!refused.error?.includes("polisy")) { throw new Error(JSON.stringify(refused)); }

const chromium = ["chromium", "google-chrome"].find((it) => {
  try { execFileSync(it, ["--version"], { stdio: "ignore" }); return true; } catch { return false; }
});
if (!chromium) { throw new Error("no chromium: install it"); }
const profile = fs.mkdtempSync(path.join(os.tmpdir(), "page-"));
const choices = "#scenario=flash-hetero&peers=30&seed=5&seeds=2&a=bep3&b=tit_for_tat&set=torrent.size%3D2+MiB&run=1";
const options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", `--user-data-dir=${profile}`, "--window-size=1100,1500"];
// Talks to the browser through a pipe; each message ends with a zero byte.
const browser = spawn(chromium, [...options, "--remote-debugging-pipe"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const answers = new Map();
let heard = "";
browser.stdio[4].on("data", (bytes) => {
  heard += bytes;
  const whole = heard.split("\0");
  heard = whole.pop();
  for (const said of whole.map((it) => JSON.parse(it))) { answers.get(said.id)?.(said.result ?? said); }
});
let asked = 0;
const tell = (method, params = {}, sessionId = undefined) => new Promise((resolve) => {
  asked += 1;
  answers.set(asked, resolve);
  browser.stdio[3].write(`${JSON.stringify({ id: asked, method, params, sessionId })}\0`);
});
const { targetId } = await tell("Target.createTarget", { url: `file://${web}/lab.html${choices}` });
const { sessionId } = await tell("Target.attachToTarget", { targetId, flatten: true });
const value = async (expression) => (await tell("Runtime.evaluate", { expression }, sessionId)).result?.value;
const start = Date.now();
// The page changes its title when its runs are done.
while (!String(await value("document.title")).startsWith("ready")) {
  if (Date.now() - start > 120_000) { browser.kill(); throw new Error(`not ready: ${await value("document.title")}`); }
  await new Promise((resolve) => { setTimeout(resolve, 200); });
}
const shown = await value('document.getElementById("digests").textContent');
// The replay of each side. The page itself compares its digest with that of the run.
const until = async (what, expression) => {
  const begin = Date.now();
  while (!await value(expression)) {
    if (Date.now() - begin > 60_000) { browser.kill(); throw new Error(`waited in vain for ${what}`); }
    await new Promise((resolve) => { setTimeout(resolve, 200); });
  }
};
for (const side of ["a", "b"]) {
  await value(`document.getElementById("watch-${side}").click()`);
  await until(`the film of ${side}`, `document.querySelector("#film-${side} iframe") && !document.getElementById("go").disabled`);
}
const wrong = await value('document.getElementById("said").textContent');
if (wrong) { browser.kill(); throw new Error(wrong); }
// A replay draws on its canvas only while it is visible.
await value('document.getElementById("watch-a").scrollIntoView()');
await new Promise((resolve) => { setTimeout(resolve, 1000); });
if (process.argv[3]) {
  const { data } = await tell("Page.captureScreenshot", {}, sessionId);
  fs.writeFileSync(process.argv[3], Buffer.from(data, "base64"));
}
browser.kill();
await new Promise((resolve) => { browser.on("exit", resolve); });
fs.rmSync(profile, { recursive: true, force: true });
const lines = shown.trim().split("\n");
if (lines.length !== 4) { throw new Error(`the page shows ${lines.length} runs: ${lines.join()}`); }
for (const [at, line] of lines.entries()) {
  const seed = String(5 + Math.floor(at / 2));
  const set = ["peers=30", `client.policy=${at % 2 ? "tit_for_tat" : "bep3"}`, "torrent.size=2 MiB"];
  same(`chromium: ${line.slice(18)}`, line.slice(0, 16), native("flash-hetero", seed, set));
}
console.log(`${RUNS.length + lines.length} digests are the same`);
