// Phone is the tablet's SIP phone: JsSIP, used as the SIP Core card uses it.
import JsSIP from 'jssip';
import { Voice } from './voice.js';

export class Phone extends EventTarget {
  state = 'idle'; // idle, ringing, answering, talking
  registered = false;
  caller = '';
  since = 0; // when the talk began, ms
  note = ''; // how the last call ended
  stream = null;
  voice = new Voice();
  #session = null;

  constructor(settings, ringer) {
    super();
    this.settings = settings;
    this.ringer = ringer;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(`${scheme}://${location.host}/ws`)],
      uri: `sip:${settings.extension}@${settings.domain}`,
      password: settings.password,
      display_name: settings.display_name,
      register: true,
      register_expires: 120,
      user_agent: 'doorstation demo tablet',
    });
    const registered = (yes) => () => {
      this.registered = yes;
      this.#changed();
    };
    this.ua.on('registered', registered(true));
    this.ua.on('unregistered', registered(false));
    this.ua.on('registrationFailed', registered(false));
    this.ua.on('disconnected', registered(false));
    this.ua.on('newRTCSession', ({ session, originator }) => {
      if (originator !== 'remote') return;
      if (this.#session) {
        session.terminate({ status_code: 486 });
        return;
      }
      this.#incoming(session);
    });
    // A tablet that is switched off says so: the next bell does not ring in the void.
    addEventListener('pagehide', () => this.ua.stop());
    addEventListener('pageshow', ({ persisted }) => { if (persisted) location.reload(); });
  }

  start() {
    this.ua.start();
  }

  // answer takes the call at once, with a silent voice; the microphone joins when the browser hands it over.
  answer() {
    if (this.state !== 'ringing') return;
    this.ringer.stop();
    this.#to('answering');
    this.#session.answer({
      mediaStream: this.voice.begin(),
      pcConfig: { iceServers: this.settings.ice_servers },
    });
  }

  // decline refuses a ringing call, as the card does.
  decline() {
    this.#session?.terminate();
  }

  hangUp() {
    this.#session?.terminate();
  }

  // openDoor sends the popup's digit: JsSIP makes a SIP INFO (application/dtmf-relay) of it.
  openDoor() {
    if (this.state === 'talking') this.#session.sendDTMF(this.settings.open_digits);
  }

  #incoming(session) {
    this.#session = session;
    this.caller = this.settings.callers[session.remote_identity.uri.user] || session.remote_identity.display_name
      || session.remote_identity.uri.user;
    session.on('peerconnection', ({ peerconnection }) => {
      peerconnection.addEventListener('track', ({ track, streams }) => {
        this.stream = streams[0] ?? this.stream ?? new MediaStream();
        if (!this.stream.getTracks().includes(track)) this.stream.addTrack(track);
        this.#changed();
      });
    });
    session.on('confirmed', () => {
      this.since = Date.now();
      this.#to('talking');
    });
    session.on('ended', ({ originator }) => this.#over(originator === 'local' ? 'You hung up' : 'The door hung up'));
    session.on('failed', ({ originator, cause, message }) => this.#over(ending(originator, cause, message, this.state)));
    this.#to('ringing');
    this.ringer.start();
  }

  #over(note) {
    this.ringer.stop();
    this.voice.end();
    this.#session = null;
    this.stream = null;
    this.note = `${note} at ${new Date().toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })}`;
    this.#to('idle');
  }

  #to(state) {
    this.state = state;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

// ending says how a call ended that was never talked in.
function ending(originator, cause, message, state) {
  if (state === 'answering') return `The call failed (${cause})`;
  if (originator === 'local') return 'Declined';
  // A CANCEL tells by its Reason that another tablet was quicker.
  if (message?.getHeader?.('Reason')?.includes('completed elsewhere')) return 'Answered on another tablet';
  return cause === JsSIP.C.causes.CANCELED ? 'Missed' : `Missed (${cause})`;
}
