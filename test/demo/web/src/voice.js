// Voice is what the tablet sends to the door: one audio track that is there from the first moment. The microphone
// flows into it once the browser allows it; where it does not, a quiet tone takes its place, and the page says so.
const messages = {
  asking: 'Your browser asks for the microphone. The picture does not wait for it.',
  microphone: 'The door hears your microphone.',
  refused: 'No microphone: it was refused. The door hears a quiet tone instead.',
  absent: 'No microphone found. The door hears a quiet tone instead.',
  insecure: 'Browsers give no microphone to a page from another machine without HTTPS. The door hears a quiet tone instead.',
  idle: 'The microphone is asked for when you answer.',
};

export class Voice extends EventTarget {
  state = 'idle';
  #context = null;
  #output = null;
  #microphone = null;

  get message() {
    return messages[this.state];
  }

  // begin returns the stream to send. It must be called from a click: browsers start no audio otherwise.
  begin() {
    this.#context = new AudioContext();
    this.#context.resume();
    this.#output = this.#context.createMediaStreamDestination();
    this.#to('asking');
    this.#join(this.#context);
    return this.#output.stream;
  }

  end() {
    this.#microphone?.getTracks().forEach((track) => track.stop());
    this.#microphone = null;
    this.#output = null;
    this.#context?.close();
    this.#context = null;
    this.#to('idle');
  }

  async #join(context) {
    let state = 'microphone';
    try {
      if (!navigator.mediaDevices) throw new DOMException('not a secure page', 'SecurityError');
      const microphone = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
      if (context !== this.#context) { // hung up meanwhile
        microphone.getTracks().forEach((track) => track.stop());
        return;
      }
      this.#microphone = microphone;
      context.createMediaStreamSource(microphone).connect(this.#output);
    } catch (error) {
      if (context !== this.#context) return;
      state = { NotAllowedError: 'refused', SecurityError: 'insecure' }[error.name] ?? 'absent';
      this.#tone(context);
    }
    this.#to(state);
  }

  #tone(context) {
    const tone = new OscillatorNode(context, { frequency: 330 });
    const volume = new GainNode(context, { gain: 0.05 });
    tone.connect(volume).connect(this.#output);
    tone.start();
  }

  #to(state) {
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }
}
