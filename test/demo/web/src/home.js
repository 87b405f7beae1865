// Home is the demo's server: the agent's status as it changes, and the bell.
export class Home extends EventTarget {
  // settings are what the tablet gets from SIP Core: its extension, password and popup.
  async settings() {
    const res = await fetch('demo/settings');
    if (!res.ok) throw new Error(`settings: ${res.status}`);
    return res.json();
  }

  watch() {
    const events = new EventSource('demo/events');
    events.addEventListener('message', (e) => {
      this.dispatchEvent(new CustomEvent('status', { detail: JSON.parse(e.data) }));
    });
    events.addEventListener('error', () => this.dispatchEvent(new Event('gone'))); // it tries again by itself
  }

  // press rings the bell at the agent's button; it returns what went wrong, or ''.
  async press() {
    try {
      const res = await fetch('demo/press', { method: 'POST' });
      return res.ok ? '' : `The bell could not be pressed: ${(await res.text()).trim()}`;
    } catch {
      return 'The demo does not answer. Is it still running?';
    }
  }
}
