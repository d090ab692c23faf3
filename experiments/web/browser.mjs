// Opens pages in headless Chromium and talks to them.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const PATIENCE_MS = 180_000;
const OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--remote-debugging-pipe"];

function installed() {
  const found = ["chromium", "google-chrome"].find((it) => {
    try { execFileSync(it, ["--version"], { stdio: "ignore" }); return true; } catch { return false; }
  });
  if (!found) { throw new Error("no chromium: install it"); }
  return found;
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// A browser. Messages go through a pipe; each ends with a zero byte.
export class Browser {
  constructor() {
    this.profile = fs.mkdtempSync(path.join(os.tmpdir(), "page-"));
    const pipes = ["ignore", "ignore", "ignore", "pipe", "pipe"];
    this.process = spawn(installed(), [...OPTIONS, `--user-data-dir=${this.profile}`], { stdio: pipes });
    this.answers = new Map();
    // Addresses that pages asked for.
    this.requested = [];
    let heard = "";
    this.process.stdio[4].on("data", (bytes) => {
      heard += bytes;
      const whole = heard.split("\0");
      heard = whole.pop();
      for (const said of whole.map((it) => JSON.parse(it))) { this.hear(said); }
    });
  }

  hear(said) {
    if (said.method === "Network.requestWillBeSent") { this.requested.push(said.params.request.url); }
    this.answers.get(said.id)?.(said.result ?? said);
  }

  tell(method, params = {}, sessionId = undefined) {
    return new Promise((resolve) => {
      const id = this.answers.size + 1;
      this.answers.set(id, resolve);
      this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  // Opens a page in a window of this size, without a network.
  async open(url, width = 1200, height = 1500) {
    const { targetId } = await this.tell("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.tell("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    const size = { width, height, deviceScaleFactor: 1, mobile: width < 500 };
    await page.tell("Emulation.setDeviceMetricsOverride", size);
    await page.tell("Network.enable");
    const away = { offline: true, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await page.tell("Network.emulateNetworkConditions", away);
    await page.tell("Page.navigate", { url });
    return page;
  }

  async end() {
    this.process.kill();
    await new Promise((resolve) => { this.process.on("exit", resolve); });
    fs.rmSync(this.profile, { recursive: true, force: true });
  }
}

class Page {
  constructor(browser, sessionId, targetId) { Object.assign(this, { browser, sessionId, targetId }); }

  tell(method, params) { return this.browser.tell(method, params, this.sessionId); }

  // The value of an expression.
  async value(expression) {
    const said = await this.tell("Runtime.evaluate", { expression, awaitPromise: true });
    if (said.exceptionDetails) { throw new Error(`${expression}: ${said.exceptionDetails.exception?.description}`); }
    return said.result?.value;
  }

  text(id) { return this.value(`document.getElementById("${id}").textContent`); }

  click(id) { return this.value(`document.getElementById("${id}").click()`); }

  // Types into a field.
  type(id, text) { return this.value(`document.getElementById("${id}").value = ${JSON.stringify(text)}`); }

  async until(what, expression) {
    const start = Date.now();
    while (!await this.value(expression)) {
      const late = Date.now() - start > PATIENCE_MS;
      if (late) { throw new Error(`waited in vain for ${what}: ${await this.text("said")}`); }
      await pause(100);
    }
  }

  // The page changes its title when its runs are done.
  ready() { return this.until("the end of the runs", 'document.title.startsWith("ready")'); }

  // A picture of the whole page, or of a window that begins with an element.
  async picture(file, id = undefined) {
    if (id) { await this.value(`document.getElementById("${id}").scrollIntoView()`); }
    // A replay draws on its canvas only while it is visible.
    await pause(1000);
    const { data } = await this.tell("Page.captureScreenshot", { captureBeyondViewport: !id });
    fs.writeFileSync(file, Buffer.from(data, "base64"));
  }

  close() { return this.browser.tell("Target.closeTarget", { targetId: this.targetId }); }
}
