// Drives Chromium for the tests of the status page. One JSON object per line: requests come on stdin, answers go to stdout.
//
//   {"id": 1, "op": "open", "page": "phone", "url": "…", "width": 360, "height": 800, "scheme": "dark"}
//   {"id": 2, "op": "go", "page": "phone", "url": "…"}            its answer is the HTTP status
//   {"id": 3, "op": "do", "page": "phone", "script": "…"}         an expression in the page, a promise too
//   {"id": 4, "op": "until", "page": "phone", "script": "…"}      waits until the expression holds
//   {"id": 5, "op": "click", "page": "phone", "selector": "#show"}
//   {"id": 5, "op": "press", "page": "phone", "selector": "#show", "key": "Enter"}
//   {"id": 6, "op": "fill", "page": "phone", "selector": "#password", "text": "…"}
//   {"id": 7, "op": "shot", "page": "phone", "path": "…", "whole": true}
//   {"id": 8, "op": "hide", "page": "phone"}                      another tab comes before it; "show" brings it back
//   {"id": 9, "op": "close", "page": "phone"}
//
//   {"id": 1, "result": …} or {"id": 1, "error": "…"}, and {"page": "phone", "complaint": "…"} for errors on the page
//
// The end of stdin ends the browser and the driver. LAB_MODULES is the directory of node_modules.
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(process.env.LAB_MODULES, "node_modules", "/"));
const { chromium } = require("playwright-core");

const send = (message) => process.stdout.write(JSON.stringify(message) + "\n");
const limit = 45_000;

const browser = await chromium.launch({
  executablePath: process.env.LAB_CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--autoplay-policy=user-gesture-required", ...JSON.parse(process.env.LAB_CHROMIUM_FLAGS || "[]")],
});
const pages = new Map();

const operations = {
  async open({ page: name, url, width, height, scheme }) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, locale: "en-GB", timezoneId: "Europe/Berlin" });
    const page = await context.newPage();
    page.setDefaultTimeout(limit);
    page.on("pageerror", (error) => send({ page: name, complaint: String(error.stack ?? error) }));
    page.on("console", (message) => { if (message.type() === "error") send({ page: name, complaint: message.text() }); });
    pages.set(name, { context, page });
    return (await page.goto(url)).status();
  },
  async go({ page, url }) {
    return (await pages.get(page).page.goto(url)).status();
  },
  async do({ page, script }) {
    return pages.get(page).page.evaluate(script);
  },
  async until({ page, script }) {
    // Playwright's own way of waiting evaluates text in the page, which the page's content policy forbids.
    const holds = async () => {
      try {
        return await pages.get(page).page.evaluate(script);
      } catch (error) {
        if (String(error).includes("context was destroyed")) return false; // the page is just being loaded anew
        throw error;
      }
    };
    for (const over = Date.now() + limit; !(await holds());) {
      if (Date.now() > over) throw new Error(`it does not come to ${script}`);
      await new Promise((rested) => setTimeout(rested, 20));
    }
  },
  async click({ page, selector }) {
    await pages.get(page).page.click(selector);
  },
  async press({ page, selector, key }) {
    await pages.get(page).page.press(selector, key);
  },
  async fill({ page, selector, text }) {
    await pages.get(page).page.fill(selector, text);
  },
  async scheme({ page, scheme }) {
    await pages.get(page).page.emulateMedia({ colorScheme: scheme });
  },
  async size({ page, width, height }) {
    await pages.get(page).page.setViewportSize({ width, height });
  },
  async shot({ page, path, whole }) {
    await pages.get(page).page.screenshot({ path, fullPage: whole });
  },
  async hide({ page }) {
    // Headless Chromium calls every tab visible, whichever is in front.
    await pages.get(page).page.evaluate(`Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
      document.dispatchEvent(new Event("visibilitychange"))`);
  },
  async close({ page: name }) {
    const { context } = pages.get(name);
    pages.delete(name);
    await context.close();
  },
};

send({ ready: browser.version() });

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  try {
    send({ id: request.id, result: (await operations[request.op](request)) ?? null });
  } catch (error) {
    send({ id: request.id, error: String(error?.message ?? error) });
  }
}
await browser.close();
process.exit(0);
