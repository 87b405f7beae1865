// Tablet draws the wall tablet: a clock while all is quiet, the call popup when the bell rings.
import { share } from './door.js';
import { Meter } from './sound.js';

const $ = (id) => document.getElementById(id);

export class Tablet {
  #doorOpen = false;
  #meter = null;
  #shown = '';

  constructor(phone, ringer, settings) {
    this.phone = phone;
    this.ringer = ringer;
    this.picture = $('picture');
    $('open').textContent = this.openLabel = settings.open_label;

    $('answer').addEventListener('click', () => phone.answer());
    $('decline').addEventListener('click', () => phone.decline());
    $('hangup').addEventListener('click', () => phone.hangUp());
    $('open').addEventListener('click', () => phone.openDoor());
    $('sound').addEventListener('click', () => {
      const on = ringer.toggle();
      $('sound').setAttribute('aria-pressed', String(on));
      $('sound').textContent = on ? 'Sound is on' : 'Sound is off';
      this.picture.muted = !on;
    });
    phone.voice.addEventListener('change', () => { $('mic').textContent = phone.voice.message; });
    this.picture.addEventListener('playing', () => { $('waiting').hidden = true; });

    this.#tick();
    setInterval(() => this.#tick(), 250);
  }

  // showDoor takes over what the home knows of the lock.
  showDoor({ status }) {
    if (!status) return;
    this.#doorOpen = status.gpio.lock === 'on';
    $('t-door').querySelector('b').textContent = this.#doorOpen ? 'Open' : 'Closed';
    const open = $('open');
    open.dataset.state = this.#doorOpen ? 'open' : '';
    const label = this.#doorOpen ? 'Door is open' : this.openLabel;
    if (open.textContent !== label) open.textContent = label;
  }

  showCall() {
    const { phone } = this;
    $('t-phone').querySelector('b').textContent = phone.registered ? 'Ready' : 'Connecting';
    $('last').textContent = phone.note;
    $('caller').textContent = phone.caller;
    $('talk-caller').textContent = phone.caller;

    const view = { idle: 'idle', ringing: 'ringing', answering: 'talking', talking: 'talking' }[phone.state];
    if (view !== this.#shown) {
      this.#shown = view;
      for (const name of ['idle', 'ringing', 'talking']) $(`view-${name}`).hidden = name !== view;
      if (view === 'ringing') {
        // On a phone the tablet lies below the door.
        document.querySelector('.tablet').scrollIntoView({ block: 'nearest', behavior: 'smooth' });
        $('answer').focus({ preventScroll: true, focusVisible: false });
      }
      $('waiting').hidden = false;
    }
    $('open').disabled = phone.state !== 'talking';
    this.#showStream(phone.stream);
  }

  #showStream(stream) {
    if (this.picture.srcObject !== stream) this.picture.srcObject = stream;
    if (!stream) {
      this.#meter?.close();
      this.#meter = null;
    } else if (!this.#meter && stream.getAudioTracks().length > 0) {
      this.#meter = new Meter(stream);
      this.#measure(this.#meter);
    }
  }

  #measure(meter) {
    if (meter !== this.#meter) return;
    const level = share(meter.level());
    const bar = $('voice');
    bar.style.setProperty('--level', level);
    bar.setAttribute('aria-valuenow', Math.round(level * 100));
    requestAnimationFrame(() => this.#measure(meter));
  }

  #tick() {
    const now = new Date();
    $('clock').textContent = now.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
    $('date').textContent = now.toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long' });
    const seconds = this.phone.state === 'talking' ? Math.floor((now - this.phone.since) / 1000) : 0;
    $('timer').textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  }
}
