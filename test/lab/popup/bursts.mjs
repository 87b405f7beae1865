// Bursts of tone, said and timed: the door's are internal/audio/bursts.go's, the popup's are made alike.
//
// The audio worklets date by Date.now(), which is all the clock they have: whole milliseconds of the wall clock. Chromium renders
// sound in batches of several quanta of 128 samples, all at one moment; a quantum's moment is the batch's and what lies before the
// quantum in it, as a loudspeaker would play it.

const worklet = `
const QUANTUM = 128;

class Clock {
  constructor() { this.last = 0; this.began = 0; this.quanta = 0; }
  now() {
    const now = Date.now();
    if (now - this.last > 1) { this.began = now; this.quanta = 0; } else { this.quanta++; }
    this.last = now;
    return this.began + this.quanta * QUANTUM / sampleRate * 1000;
  }
}

registerProcessor("bursts-said", class extends AudioWorkletProcessor {
  constructor() { super(); this.second = Math.floor(Date.now() / 1000); this.at = -1; }
  process(_, [[out]]) {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second > this.second) {
      this.second = second;
      this.at = 0;
      this.port.postMessage(now);
    }
    const length = sampleRate / 10, edge = sampleRate / 1000;
    for (let i = 0; i < out.length; i++) {
      if (this.at < 0 || this.at >= length) { out[i] = 0; this.at = -1; continue; }
      out[i] = 0.25 * Math.min(1, Math.min(this.at, length - this.at) / edge) * Math.sin(2 * Math.PI * 1000 * this.at / sampleRate);
      this.at++;
    }
    return true;
  }
});

registerProcessor("bursts-heard", class extends AudioWorkletProcessor {
  constructor() {
    super();
    this.clock = new Clock();
    this.step = sampleRate / 1000;
    this.sum = 0; this.count = 0; this.levels = []; this.quiet = 0; this.after = 0;
  }
  process([[sound]]) {
    const began = this.clock.now();
    if (!sound) return true;
    for (let i = 0; i < sound.length; i++) {
      this.sum += sound[i] * sound[i];
      if (++this.count >= this.step) {
        this.level({ at: began + (i + 1 - this.count) / sampleRate * 1000, rms: Math.sqrt(this.sum / this.count) });
        this.sum = 0; this.count = 0;
      }
    }
    return true;
  }
  // level is internal/audio's onsets.step.
  level(l) {
    this.levels.push(l);
    if (this.levels.length > 100) this.levels.shift();
    if (this.after > 0) {
      if (++this.after > 60) { this.find(); this.after = 0; this.quiet = 0; }
    } else if (l.rms >= 0.025 && this.quiet >= 150) {
      this.after = 1;
    } else if (l.rms < 0.0056) {
      this.quiet++;
    } else if (l.rms >= 0.025) {
      this.quiet = 0;
    }
  }
  find() {
    const half = this.levels.slice(-60).map((l) => l.rms).sort((a, b) => a - b)[30] / 2;
    this.port.postMessage(this.levels.find((l) => l.rms >= half).at);
  }
});
`;

const load = async (context) => {
  const url = URL.createObjectURL(new Blob([worklet], { type: "text/javascript" }));
  await context.audioWorklet.addModule(url);
  URL.revokeObjectURL(url);
};

// sayBursts is a source of bursts, one with each second of the wall clock; said is called with the moment of each.
export async function sayBursts(context, said) {
  await load(context);
  const node = new AudioWorkletNode(context, "bursts-said", { numberOfInputs: 0, outputChannelCount: [1] });
  node.port.onmessage = ({ data }) => said(data);
  return node;
}

// hearBursts calls heard with the moment at which each burst of a source begins.
export async function hearBursts(context, source, heard) {
  await load(context);
  const node = new AudioWorkletNode(context, "bursts-heard", {
    numberOfOutputs: 1, channelCount: 1, channelCountMode: "explicit",
  });
  node.port.onmessage = ({ data }) => heard(data);
  // What leads nowhere is not rendered; its output is silent.
  source.connect(node).connect(context.destination);
}
