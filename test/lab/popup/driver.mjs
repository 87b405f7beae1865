// Drives Chromium for the lab. One JSON object per line: requests come on stdin, answers and events go to stdout.
//
//   {"id": 1, "op": "open", "popup": "kitchen", "options": {…}}   open a page that registers
//   {"id": 2, "op": "click", "popup": "kitchen", "button": "answer"}
//   {"id": 3, "op": "ask", "popup": "kitchen", "method": "audio", "args": [500]}   a method of window.popup
//   {"id": 4, "op": "screenshot", "popup": "kitchen", "path": "…"}
//   {"id": 5, "op": "close", "popup": "kitchen"}
//
//   {"id": 1, "result": …} or {"id": 1, "error": "…"}
//   {"popup": "kitchen", "event": {"kind": "ringing", "at": 1700000000000.1, …}}   from popup.mjs
//   {"popup": "kitchen", "log": "…"}                                               console and page errors
//
// The end of stdin ends the browser and the driver. LAB_MODULES is the directory of node_modules.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = process.env.LAB_MODULES;
const require = createRequire(join(modules, "node_modules", "/"));
const esbuild = require("esbuild");
const { chromium } = require("playwright-core");

const send = (message) => process.stdout.write(JSON.stringify(message) + "\n");

const bundles = new Map();

// bundle makes a script for the browser from popup.mjs and one version of JsSIP, whose package has none.
function bundle(jssip) {
  if (!bundles.has(jssip)) {
    const result = esbuild.buildSync({
      entryPoints: [join(here, "popup.mjs")],
      alias: { jssip },
      nodePaths: [join(modules, "node_modules")],
      bundle: true,
      format: "iife",
      platform: "browser",
      define: { global: "globalThis" },
      write: false,
      logLevel: "silent",
    });
    bundles.set(jssip, result.outputFiles[0].text);
  }
  return bundles.get(jssip);
}

// The page comes from 127.0.0.1: a secure context, which a microphone needs, and a local one, from which Chromium lets a
// page connect to other local servers. The path names the version of JsSIP: /jssip/ or /jssip-card/.
const server = createServer((request, response) => {
  const answer = (status, type, body) => response.writeHead(status, { "content-type": `${type}; charset=utf-8` }).end(body);
  const [, jssip, file] = request.url.split("/");
  if (file === "") return answer(200, "text/html", readFileSync(join(here, "popup.html")));
  if (file === "popup.js") return answer(200, "text/javascript", bundle(jssip));
  return answer(404, "text/plain", "not here");
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const origin = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({
  executablePath: process.env.LAB_CHROMIUM,
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    // Several popups are several windows; none of them may fall asleep because another is in front.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    ...JSON.parse(process.env.LAB_CHROMIUM_FLAGS || "[]"),
  ],
});
// Without this, the end of Chromium would be noticed only by requests that never end.
browser.on("disconnected", () => process.exit(0));

const popups = new Map();

function popupOf(request) {
  const popup = popups.get(request.popup);
  if (!popup) throw new Error(`no popup ${request.popup}`);
  return popup;
}

const operations = {
  async open({ popup: name, options }) {
    const context = await browser.newContext({ viewport: { width: 720, height: 640 } });
    if (options.cookies?.length) {
      await context.addCookies(options.cookies.map(({ name, value }) => ({ name, value, domain: "127.0.0.1", path: "/" })));
    }
    const page = await context.newPage();
    const log = (text) => send({ popup: name, log: text });
    page.on("console", (message) => log(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => log(`page error: ${error.stack ?? error}`));
    page.on("crash", () => log("page error: the page crashed"));
    await page.exposeFunction("labEvent", (event) => send({ popup: name, event }));
    await page.addInitScript((given) => {
      window.popupOptions = given;
    }, options);
    await page.goto(`${origin}/${options.jssip}/`, { waitUntil: "load" });
    popups.set(name, { context, page });
  },
  async click(request) {
    await popupOf(request).page.click(`#${request.button}`, { timeout: 60_000 });
  },
  async ask(request) {
    return popupOf(request).page.evaluate(([method, args]) => window.popup[method](...args), [request.method, request.args ?? []]);
  },
  async screenshot(request) {
    await popupOf(request).page.screenshot({ path: request.path });
  },
  async close(request) {
    const { context } = popupOf(request);
    popups.delete(request.popup);
    await context.close();
  },
};

send({ ready: browser.version() });

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  // Not awaited: a request of one popup must not wait for another's.
  Promise.resolve(request)
    .then((r) => operations[r.op](r))
    .then((result) => send({ id: request.id, result: result ?? null }))
    .catch((error) => send({ id: request.id, error: String(error?.message ?? error) }));
}
await browser.close();
process.exit(0);
