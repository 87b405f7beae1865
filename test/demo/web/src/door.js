// Door draws the front door and what the agent says of itself.
const lines = {
  starting: ['Starting', 'warn'],
  registering: ['Registering', 'warn'],
  registered: ['Registered', 'good'],
  refused: ['Refused', 'bad'],
  unreachable: ['PBX unreachable', 'bad'],
  offline: ['Offline', 'bad'],
};
const visits = {
  idle: ['Quiet', ''],
  calling: ['Calling', 'warn'],
  ringing: ['Ringing', 'warn'],
  talking: ['Talking', 'good'],
  ending: ['Ending', ''],
};
const locks = {
  on: ['Open', 'warn'],
  off: ['Locked', 'good'],
  absent: ['None', ''],
  fault: ['Fault', 'bad'],
};
const outcomes = {
  talked: 'talked', no_answer: 'nobody answered', busy: 'busy', declined: 'declined', not_registered: 'tablet not there',
  unreachable: 'unreachable', offline: 'door offline', stopped: 'stopped', cancelled: 'cancelled', failed: 'failed',
};
const transports = { ingress: 'through Home Assistant', custom_wss_url: 'by custom_wss_url' };

export class Door extends EventTarget {
  constructor(home) {
    super();
    this.level = -Infinity;
    setInterval(() => hears(this.level), 150);
    this.bell = document.getElementById('bell');
    this.bell.addEventListener('click', async () => {
      const wrong = await home.press();
      if (wrong) this.dispatchEvent(new CustomEvent('failed', { detail: wrong }));
    });
  }

  show({ agent, status }) {
    if (!status) {
      cell('s-line', [agent === 'stopped' ? 'Agent stopped' : 'Starting', 'warn'], '');
      return;
    }
    const { registration: reg, visit, gpio, camera, sound, calls, faults } = status;
    const data = document.body.dataset;
    data.door = gpio.lock === 'on' ? 'open' : 'closed';
    data.visit = visit.state;
    data.camera = camera.state;

    cell('s-line', lines[reg.state] ?? [reg.state, 'warn'],
      reg.state === 'registered' ? `as ${reg.extension}, ${transports[reg.transport] ?? reg.transport}` : reg.error ?? '');
    const last = calls.last ? `last: ${outcomes[calls.last.outcome] ?? calls.last.outcome}` : '';
    cell('s-visit', visits[visit.state] ?? [visit.state, ''],
      visit.state === 'talking' ? `with ${visit.answered_by}`
        : visit.state === 'idle' ? last : `at ${(visit.targets ?? []).join(', ')}`);
    const times = gpio.lock_openings;
    cell('s-lock', locks[gpio.lock] ?? [gpio.lock, ''], times ? `opened ${times === 1 ? 'once' : `${times} times`}` : 'not opened yet');
    cell('s-camera', [camera.state === 'running' ? 'Filming' : camera.state === 'idle' ? 'At rest' : camera.state, ''],
      camera.width ? `${camera.width} × ${camera.height}` : '');
    cell('s-calls', [calls.visits ? `${calls.visits}` : 'None yet', ''], calls.visits ? `${calls.answered} answered` : '');
    this.level = sound.far_level_dbfs ?? -Infinity;
    this.showFaults(faults ?? []);
  }

  showFaults(faults) {
    const key = JSON.stringify(faults.map((f) => [f.code, f.detail]));
    if (key === this.faults) return; // a screen reader should hear each change once
    this.faults = key;
    document.getElementById('faults').replaceChildren(...faults.map((f) => {
      const li = document.createElement('li');
      li.dataset.severity = f.severity;
      const title = document.createElement('b');
      title.textContent = f.detail ? `${f.title} (${f.detail})` : f.title;
      const remedy = document.createElement('span');
      remedy.textContent = f.remedy;
      li.append(title, remedy);
      return li;
    }));
  }
}

function cell(id, [value, tone], more) {
  const box = document.getElementById(id);
  box.dataset.tone = tone;
  const [, main, rest] = box.children;
  if (main.textContent !== value) main.textContent = value;
  if (rest.textContent !== more) rest.textContent = more;
}

// heard are the levels of the last moments: speech has gaps, and a number that jumps cannot be read.
const heard = [];
const heardFor = 1200; // ms

// hears shows how loud the household is at the door: what would come out of its loudspeaker.
function hears(dbfs) {
  const now = performance.now();
  heard.push({ at: now, level: dbfs });
  while (now - heard[0].at > heardFor) heard.shift();
  const level = Math.max(...heard.map((h) => h.level));
  const silent = level < quietest;
  const box = document.getElementById('s-hears');
  box.children[1].textContent = silent ? 'Silence' : `${Math.round(level)} dB`.replace('-', '\u2212');
  box.querySelector('.meter').style.setProperty('--level', silent ? 0 : share(level));
}

// quietest is the level, in dBFS, below which nobody hears anything.
const quietest = -60;

// share maps a level in dBFS to a bar between 0 and 1.
export function share(dbfs) {
  return Math.min(1, Math.max(0, 1 - dbfs / quietest)).toFixed(3);
}
