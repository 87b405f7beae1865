// Makes pictures of Home Assistant's pages as the owner of a home sees them who adds the door: usage: pages.mjs URL OUT
// LAB_MODULES is the directory of node_modules. The owner is OWNER with PASSWORD in the environment; HOUSEHOLD are SIP Core's settings to show, as JSON.
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.LAB_MODULES, "node_modules", "/"));
const { chromium } = require("playwright-core");
const [base, out] = process.argv.slice(2);
const doorPassword = "a-password-of-its-own";

const browser = await chromium.launch({
  executablePath: process.env.LAB_CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync"],
});

// enter logs somebody in and returns his page.
async function enter(username, password) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 660 }, locale: "en-GB", timezoneId: "Europe/Berlin" });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(base);
  await page.locator('input[name="username"]').waitFor();
  await page.waitForTimeout(2000); // the form takes no more than what is typed into it from now on
  await page.locator('input[name="username"]').fill(username);
  await page.locator('input[name="password"]').fill(password);
  await page.waitForTimeout(300);
  await page.keyboard.press("Enter");
  await page.locator("ha-sidebar").waitFor();
  return page;
}

const call = (page, method, path, body) => page.evaluate(
  async ([m, p, b]) => (await document.querySelector("home-assistant").hass.callApi(m, p, b)), [method, path, body]);

// still waits until nothing moves any more, takes the picture, and says so.
async function still(page, name) {
  await page.evaluate(() => document.fonts.ready);
  for (let before = "", now = "?"; before !== now;) {
    await page.waitForTimeout(700);
    before = now;
    now = (await page.screenshot()).toString("base64");
  }
  await page.screenshot({ path: join(out, name + ".png") });
  console.log(name);
}

const page = await enter(process.env.OWNER, process.env.PASSWORD);
// What an onboarding adds needs the internet.
for (const entry of await call(page, "GET", "config/config_entries/entry")) {
  await call(page, "DELETE", `config/config_entries/entry/${entry.entry_id}`);
}

await page.goto(base + "/config/users");
await page.getByText("Add user").click();
const dialog = page.locator("dialog-add-user");
await dialog.locator('input[name="name"]').fill("Front door");
await page.keyboard.press("Tab");
await page.waitForTimeout(1000); // it makes a username of the name
await dialog.locator('input[name="username"]').fill("front-door");
await dialog.locator('input[name="password"]').fill(doorPassword);
await dialog.locator('input[name="passwordConfirm"]').fill(doorPassword);
await still(page, "home-user");
await dialog.getByRole("button", { name: "Create", exact: true }).click();
await page.waitForTimeout(2000);

await page.goto(base + "/config/integrations/dashboard");
await page.getByText("Add integration").click();
await page.getByPlaceholder("Search for a brand name").fill("SIP Core");
await page.waitForTimeout(1000);
await still(page, "home-add");
await page.getByText("SIP Core", { exact: true }).click();
await page.getByRole("button", { name: "Finish" }).click();

const [entry] = (await call(page, "GET", "config/config_entries/entry?domain=sip_core"));
const flow = await call(page, "POST", "config/config_entries/options/flow", { handler: entry.entry_id });
await call(page, "POST", `config/config_entries/options/flow/${flow.flow_id}`, { sip_config: JSON.parse(process.env.HOUSEHOLD) });
await page.goto(base + "/config/integrations/integration/sip_core");
await page.setViewportSize({ width: 1000, height: 1000 });
await page.getByLabel("Configure").click();
await page.waitForTimeout(2000);
await still(page, "home-configure");

const door = await enter("front-door", doorPassword);
await door.goto(base + "/profile/security");
await door.getByText("Create token").click();
await door.getByRole("textbox").last().fill("Front door");
await still(door, "home-token");
await browser.close();
