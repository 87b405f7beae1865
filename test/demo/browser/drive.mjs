// A person in front of the demo's page, played in Chromium: rings, answers, looks, opens the door, hangs up.
//
//   node drive.mjs URL DIRECTORY     screenshots go to DIRECTORY; what was seen goes to stdout, one JSON object per line
//
// DEMO_MODULES is a directory with node_modules/playwright-core, DEMO_CHROMIUM the browser. It ends with status 1 and the
// step it was at when something that should appear does not.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [url, shots] = process.argv.slice(2);
const require = createRequire(join(process.env.DEMO_MODULES, 'node_modules', '/'));
const { chromium } = require('playwright-core');
const limit = 30_000; // for everything that has to appear

let step = 'start';
const report = (what) => console.log(JSON.stringify({ step, ...what }));

const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--autoplay-policy=user-gesture-required',
];
// A headless Chromium refuses a microphone that nobody has allowed.
const refusedMicrophone = ['--use-fake-device-for-media-stream'];
const withMicrophone = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

// visit opens the page in a browser of its own and plays one person.
async function visit(name, options, play) {
  const browser = await chromium.launch({
    executablePath: process.env.DEMO_CHROMIUM, args: [...flags, ...(options.flags ?? [])],
  });
  try {
    const context = await browser.newContext({ viewport: options.viewport, colorScheme: options.colorScheme, locale: 'en-GB' });
    const page = await context.newPage();
    page.setDefaultTimeout(limit);
    page.on('pageerror', (error) => report({ pageError: error.message }));
    page.on('console', (message) => { if (message.type() === 'error') report({ pageError: message.text() }); });
    await page.goto(url);
    await play(new Person(name, page), context);
  } finally {
    await browser.close();
  }
}

class Person {
  constructor(name, page) {
    this.name = name;
    this.page = page;
  }

  at(what) {
    step = `${this.name}: ${what}`;
  }

  press(button) {
    return this.page.getByRole('button', { name: button }).click();
  }

  sees(text) {
    return this.page.getByText(text, { exact: true }).filter({ visible: true }).first().waitFor();
  }

  // shot waits until nothing moves but what should, then takes the picture.
  async shot(what) {
    await this.page.waitForTimeout(1200);
    await this.page.screenshot({ path: join(shots, `${this.name}-${what}.png`) });
  }

  // strip is what the page says of the agent.
  strip() {
    return this.page.evaluate(() => Object.fromEntries([...document.querySelectorAll('#strip > div')]
      .map((box) => [box.id.slice(2), [...box.children].slice(1).map((e) => e.textContent.trim())])));
  }

  // looks waits until so many more pictures have been shown, and tells how many points of 64 × 36 have changed meanwhile.
  looks(pictures = 30) {
    return this.page.evaluate(async (wanted) => {
      const video = document.getElementById('picture');
      const canvas = new OffscreenCanvas(64, 36);
      const pen = canvas.getContext('2d', { willReadFrequently: true });
      const grab = () => {
        pen.drawImage(video, 0, 0, 64, 36);
        return pen.getImageData(0, 0, 64, 36).data;
      };
      const next = () => new Promise((shown, stalled) => {
        video.requestVideoFrameCallback(shown);
        setTimeout(() => stalled(new Error('the picture stands still')), 10_000);
      });
      await next();
      const before = grab();
      for (let n = 0; n < wanted; n += 1) await next();
      const after = grab();
      let changed = 0;
      const colours = new Set();
      for (let i = 0; i < after.length; i += 4) {
        if (Math.abs(after[i] - before[i]) > 24) changed += 1;
        colours.add(`${after[i] >> 5},${after[i + 1] >> 5},${after[i + 2] >> 5}`);
      }
      return { width: video.videoWidth, height: video.videoHeight, frames: wanted, changed, colours: colours.size };
    }, pictures);
  }

  async answers() {
    this.at('ringing');
    await this.press('Ring the bell');
    await this.sees('Somebody is at the door');
    await this.sees('Ringing');
    report({ strip: await this.strip() });
    await this.shot('ringing');
    this.at('talking');
    await this.press('Answer');
    await this.page.locator('body[data-call="talking"]').waitFor();
    await this.sees('Talking');
    await this.page.waitForFunction(() => document.getElementById('picture').videoWidth > 0);
    await this.page.waitForFunction(() => document.getElementById('voice').ariaValueNow > 20);
    await this.page.waitForFunction(() => document.querySelector('#s-hears dd').textContent.includes('dB'));
    report({ picture: await this.looks(), strip: await this.strip(), voice: await this.page.locator('#voice').getAttribute('aria-valuenow'),
      microphone: await this.page.locator('#mic').textContent() });
    await this.shot('talking');
  }

  async opens() {
    this.at('door open');
    await this.press('Open the door');
    await this.page.locator('body[data-door="open"]').waitFor();
    await this.sees('Door is open');
    report({ strip: await this.strip() });
    await this.shot('open');
    this.at('door closed again');
    await this.page.locator('body[data-door="closed"]').waitFor();
    await this.sees('Open the door');
    report({ strip: await this.strip() });
  }

  async hangsUp() {
    this.at('hang up');
    await this.press('Hang up');
    await this.page.locator('body[data-call="idle"]').waitFor();
    await this.page.locator('body[data-visit="idle"]').waitFor();
    await this.sees('Silence');
    report({ strip: await this.strip() });
  }

  async waits() {
    this.at('ready');
    await this.sees('Registered');
    await this.sees('Ready');
    report({ strip: await this.strip() });
    await this.shot('idle');
  }
}

try {
  await visit('wall', { viewport: { width: 1280, height: 800 }, colorScheme: 'light', flags: withMicrophone }, async (person, context) => {
    await person.waits();
    await person.answers();
    await person.opens();
    await person.hangsUp();
    person.at('declined');
    await person.press('Ring the bell');
    await person.sees('Somebody is at the door');
    await person.press('Decline');
    await person.sees('last: declined');
    report({ strip: await person.strip() });

    person.at('another tablet is quicker');
    const other = new Person('other', await context.newPage());
    await other.page.goto(url);
    await other.sees('Ready');
    await other.press('Ring the bell');
    await other.sees('Somebody is at the door');
    await person.sees('Somebody is at the door');
    await other.press('Answer');
    await other.page.locator('body[data-call="talking"]').waitFor();
    await person.page.getByText('Answered on another tablet').waitFor();
    await other.press('Hang up');
    await person.page.locator('body[data-visit="idle"]').waitFor();
    report({ strip: await person.strip() });
  });
  // A phone in the dark whose owner refuses the microphone.
  await visit('phone', { viewport: { width: 390, height: 844 }, colorScheme: 'dark', flags: refusedMicrophone }, async (person) => {
    await person.waits();
    await person.answers();
    await person.opens();
    await person.hangsUp();
  });
} catch (error) {
  console.error(`at step "${step}": ${error.message}`);
  process.exit(1);
}
