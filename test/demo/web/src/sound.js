// Ringer is the tablet's gentle ring: two soft notes every two and a half seconds, only when sound is on.
export class Ringer {
  on = false;
  #context = null;
  #timer = 0;
  #ringing = false;

  // toggle is called from a click, which is what a browser wants before it lets a page make a sound.
  toggle() {
    this.on = !this.on;
    if (this.on) {
      this.#context ??= new AudioContext();
      this.#context.resume();
    }
    if (this.#ringing) this.start();
    return this.on;
  }

  start() {
    this.stop();
    this.#ringing = true;
    if (!this.on) return;
    this.#chime();
    this.#timer = setInterval(() => this.#chime(), 2500);
  }

  stop() {
    this.#ringing = false;
    clearInterval(this.#timer);
  }

  #chime() {
    const now = this.#context.currentTime;
    for (const [at, frequency] of [[0, 659.3], [0.45, 523.3]]) {
      const note = new OscillatorNode(this.#context, { frequency, type: 'sine' });
      const volume = new GainNode(this.#context, { gain: 0 });
      volume.gain.setValueAtTime(0, now + at);
      volume.gain.linearRampToValueAtTime(0.18, now + at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.001, now + at + 1.4);
      note.connect(volume).connect(this.#context.destination);
      note.start(now + at);
      note.stop(now + at + 1.5);
    }
  }
}

// Meter measures how loud a stream is, whether it is heard or not.
export class Meter {
  #context = new AudioContext();
  #analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
  #samples = new Float32Array(1024);

  constructor(stream) {
    this.#context.resume();
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
  }

  // level is the loudness of the last 20 ms in dBFS, where a full-scale sine is 0.
  level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const s of this.#samples) sum += s * s;
    return 10 * Math.log10((2 * sum) / this.#samples.length + 1e-9);
  }

  close() {
    this.#context.close();
  }
}
