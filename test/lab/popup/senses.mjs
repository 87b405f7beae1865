// What a person in front of the popup sees and hears, measured.
import { hearBursts, sayBursts } from "./bursts.mjs";
import { bandHeight, readClock } from "./clock.mjs";

const wallClock = (t) => performance.timeOrigin + t;

// Eyes watch a video element: every frame it shows, with its time. Those that read clocks know when each frame was drawn, too.
export class Eyes {
  constructor(video, firstFrame, readsClock) {
    this.video = video;
    this.firstFrame = firstFrame;
    this.readsClock = readsClock;
    this.shown = [];
    this.clocks = [];
    this.watch = 0;
  }

  open() {
    const watch = ++this.watch;
    this.shown = [];
    this.clocks = [];
    const seen = (_, frame) => {
      if (watch !== this.watch) return;
      this.shown.push(wallClock(frame.presentationTime));
      if (this.readsClock) this.read(watch, frame);
      if (this.shown.length === 1) this.firstFrame(this.shown[0]);
      this.video.requestVideoFrameCallback(seen);
    };
    this.video.requestVideoFrameCallback(seen);
  }

  // read notes the clock of the frame that is on the screen. The luma is copied as it was decoded: no colours, no scaling.
  async read(watch, { presentationTime, expectedDisplayTime }) {
    const picture = new VideoFrame(this.video, { timestamp: 0 });
    try {
      const { width, height } = picture.visibleRect;
      const rect = { x: picture.visibleRect.x, y: picture.visibleRect.y, width, height: bandHeight(height) };
      const bytes = new Uint8Array(picture.allocationSize({ rect }));
      const [{ offset, stride }] = await picture.copyTo(bytes, { rect });
      const clock = readClock(bytes.subarray(offset), stride, width, height);
      if (watch !== this.watch) return;
      this.clocks.push({
        presented: wallClock(presentationTime),
        expected: wallClock(expectedDisplayTime),
        drawn: clock?.at ?? 0,
        number: clock?.number ?? 0,
      });
    } finally {
      picture.close();
    }
  }

  close() {
    this.watch++;
    this.shown = [];
    this.clocks = [];
    this.video.srcObject = null;
  }

  times() {
    return this.shown;
  }

  report(stats) {
    return {
      width: this.video.videoWidth,
      height: this.video.videoHeight,
      shown: this.shown.length,
      decoded: stats.framesDecoded ?? 0,
      keyFrames: stats.keyFramesDecoded ?? 0,
      dropped: stats.framesDropped ?? 0,
      freezes: stats.freezeCount ?? 0,
      frozenSeconds: stats.totalFreezesDuration ?? 0,
      bytes: stats.bytesReceived ?? 0,
      packets: stats.packetsReceived ?? 0,
      lost: stats.packetsLost ?? 0,
      nacks: stats.nackCount ?? 0,
      plis: stats.pliCount ?? 0,
    };
  }

  // frame is the picture on the screen as base64 of a PNG, or "" when there is none.
  frame() {
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth) return "";
    const canvas = new OffscreenCanvas(videoWidth, videoHeight);
    canvas.getContext("2d").drawImage(this.video, 0, 0);
    return canvas.convertToBlob({ type: "image/png" }).then(async (blob) => {
      const bytes = new Uint8Array(await blob.arrayBuffer());
      let text = "";
      for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
      return btoa(text);
    });
  }
}

const silence = -120; // dBFS

// Ears listen to a remote stream. Chromium gives its sound to an analyser only while an element plays it, too.
export class Ears {
  constructor(timesBursts) {
    this.timesBursts = timesBursts;
    this.bursts = [];
  }

  open(stream) {
    this.close();
    this.bursts = [];
    this.context = new AudioContext({ sampleRate: 48000 });
    this.analyser = new AnalyserNode(this.context, { fftSize: 16384, smoothingTimeConstant: 0 });
    this.source = this.context.createMediaStreamSource(stream);
    this.source.connect(this.analyser);
    if (this.timesBursts) hearBursts(this.context, this.source, (at) => this.bursts.push(at));
  }

  // latency is what the loudspeaker would add to what the ears hear, in milliseconds, as Chromium tells.
  latency() {
    return this.context ? (this.context.baseLatency + this.context.outputLatency) * 1000 : 0;
  }

  close() {
    this.context?.close();
    this.context = null;
  }

  // measure listens for ms (what counts is the last third of a second) and tells level and strongest frequency.
  async measure(ms) {
    await new Promise((done) => setTimeout(done, ms));
    if (!this.context) return { hz: 0, dbfs: silence };
    const wave = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(wave);
    const rms = Math.sqrt(wave.reduce((sum, v) => sum + v * v, 0) / wave.length);
    const spectrum = new Float32Array(this.analyser.frequencyBinCount);
    this.analyser.getFloatFrequencyData(spectrum);
    let peak = 1;
    for (let i = 2; i < spectrum.length - 1; i++) if (spectrum[i] > spectrum[peak]) peak = i;
    // The peak of a parabola through three bins lies nearer to the tone than the bins' spacing of 3 Hz.
    const [a, b, c] = [spectrum[peak - 1], spectrum[peak], spectrum[peak + 1]];
    const bend = a - 2 * b + c;
    const offset = Number.isFinite(bend) && bend !== 0 ? (a - c) / (2 * bend) : 0;
    const level = rms > 0 ? Math.max(silence, 20 * Math.log10(rms)) : silence;
    return { hz: level > silence ? ((peak + offset) * this.context.sampleRate) / this.analyser.fftSize : 0, dbfs: level };
  }
}

// useTone puts a tone in the place of the microphone; 0 Hz is a silent one. With said it says bursts instead, and said is called with
// the moment of each. Cameras stay Chromium's own (fake) ones.
export function useTone(hz, said) {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const stream = new MediaStream();
    if (constraints.audio) {
      const context = new AudioContext({ sampleRate: 48000 });
      const microphone = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
      if (said) {
        (await sayBursts(context, said)).connect(microphone);
      } else {
        const volume = new GainNode(context, { gain: hz > 0 ? 0.25 : 0 });
        const tone = new OscillatorNode(context, { frequency: hz > 0 ? hz : 440 });
        tone.connect(volume).connect(microphone);
        tone.start();
      }
      const [track] = microphone.stream.getAudioTracks();
      // JsSIP stops the tracks it asked for; the tone must not outlive its call.
      const stop = track.stop.bind(track);
      track.stop = () => {
        stop();
        context.close();
      };
      stream.addTrack(track);
    }
    if (constraints.video) {
      for (const track of (await real({ video: constraints.video })).getVideoTracks()) stream.addTrack(track);
    }
    return stream;
  };
}
