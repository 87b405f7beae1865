// The page of the demo: a front door on the left, a wall tablet on the right. What the door does comes from the agent
// (home.js); what the tablet does comes from its SIP phone (phone.js). Nothing here decides for either.
import { Door } from './door.js';
import { Home } from './home.js';
import { Phone } from './phone.js';
import { Ringer } from './sound.js';
import { Tablet } from './tablet.js';

const hints = {
  idle: 'Press the bell, then answer on the tablet.',
  ringing: 'The tablet rings. Answer it.',
  answering: 'Answering …',
  talking: 'Now open the door from the tablet.',
};

const home = new Home();
const settings = await home.settings();
const ringer = new Ringer();
const door = new Door(home);
const phone = new Phone(settings, ringer);
const tablet = new Tablet(phone, ringer, settings);

const banner = document.getElementById('banner');
function warn(text) {
  banner.textContent = text;
  banner.hidden = !text;
}

home.addEventListener('status', ({ detail }) => {
  warn('');
  door.show(detail);
  tablet.showDoor(detail);
});
home.addEventListener('gone', () => warn('The demo has stopped. Start it again with: make demo'));
door.addEventListener('failed', ({ detail }) => warn(detail));

const hint = document.getElementById('hint');
phone.addEventListener('change', () => {
  document.body.dataset.call = phone.state;
  hint.textContent = hints[phone.state];
  tablet.showCall();
});

home.watch();
phone.start();
tablet.showCall();
