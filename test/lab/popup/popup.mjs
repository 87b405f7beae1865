// A miniature of the SIP Core card's popup: it does with JsSIP what the card does, shows what the card shows, and tells the lab.
// It stands in for the card's own page, not for its library: registration, calls and media are JsSIP's and Chromium's.
import JsSIP from "jssip";
import { Ears, Eyes, useTone } from "./senses.mjs";

const options = window.popupOptions;
const $ = (id) => document.getElementById(id);
// Wall clock in milliseconds with fractions, comparable with other processes of this machine.
const now = () => performance.timeOrigin + performance.now();
const tell = (kind, more = {}) => window.labEvent({ kind, at: now(), call: calls, ...more });

let calls = 0; // number of the call on the screen, counted from 1
let session = null;
const eyes = new Eyes($("video"), (at) => tell("firstFrame", { at }), options.readsClock);
const ears = new Ears(options.bursts);
const said = []; // moments of the bursts in place of the microphone, over all calls

useTone(options.micHz, options.bursts ? (at) => said.push(at) : null);
if (options.trace) {
  JsSIP.debug.enable("JsSIP:*");
} else {
  JsSIP.debug.disable();
}

const ua = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(options.wsURL)],
  uri: `sip:${options.extension}@${options.domain}`,
  authorization_user: options.extension,
  password: options.password,
  display_name: options.displayName || undefined,
  register_expires: 600,
  session_timers: false,
});
$("me").textContent = options.extension;

ua.on("registered", () => {
  $("registration").textContent = "registered";
  tell("registered");
});
ua.on("unregistered", () => {
  $("registration").textContent = "not registered";
  tell("unregistered");
});
ua.on("registrationFailed", (e) => {
  $("registration").textContent = `registration failed: ${e.cause}`;
  tell("registrationFailed", { cause: String(e.cause), status: e.response?.status_code ?? 0 });
});
ua.on("disconnected", (e) => tell("disconnected", { cause: String(e?.reason ?? ""), status: e?.code ?? 0 }));

ua.on("newRTCSession", ({ session: fresh, originator }) => {
  if (originator === "remote" && (session || options.busy)) {
    // The card has one call at a time; busy stands for a popup whose household is on the phone.
    fresh.terminate(options.busy ? { status_code: 486 } : undefined);
    tell("rejected", { number: fresh.remote_identity.uri.user });
    return;
  }
  session = fresh;
  calls += 1;
  eyes.close();
  ears.close();
  const caller = { number: fresh.remote_identity.uri.user ?? "", name: fresh.remote_identity.display_name ?? "" };
  const incoming = originator === "remote";

  // As in the card: what has been gathered goes out when no candidate came for this long.
  let gathering = null;
  fresh.on("icecandidate", (e) => {
    clearTimeout(gathering);
    gathering = setTimeout(() => e.ready(), options.iceGatheringTimeout);
  });
  if (fresh.connection) listen(fresh.connection);
  fresh.on("peerconnection", (e) => listen(e.peerconnection));
  fresh.on("progress", (e) => {
    if (!incoming) {
      show("rings there");
      tell("progress", { status: e.response?.status_code ?? 0 });
    }
  });
  fresh.on("accepted", () => tell("accepted"));
  fresh.on("confirmed", () => {
    show("talking");
    buttons("hangup", "door");
    tell("confirmed");
  });
  fresh.on("hold", () => tell("hold"));
  fresh.on("unhold", () => tell("unhold"));
  fresh.on("newDTMF", (e) => {
    if (e.originator === "remote") tell("digit", { digit: e.dtmf.tone });
  });
  const finish = (e) => {
    clearTimeout(gathering);
    session = null;
    buttons();
    $("call").hidden = true;
    ears.close();
    tell("ended", { by: e.originator, cause: String(e.cause), status: e.message?.status_code ?? 0 });
  };
  fresh.on("ended", finish);
  fresh.on("failed", finish);

  $("caller").textContent = caller.name || caller.number;
  $("call").hidden = false;
  show(incoming ? "rings" : "calling");
  buttons(...(incoming ? ["answer", "decline"] : ["hangup"]));
  tell(incoming ? "ringing" : "calling", caller);
  if (incoming && options.autoAnswer !== null) setTimeout(answer, options.autoAnswer);
});

// listen takes the far side's tracks as they come: sound to the ears, picture to the screen.
function listen(connection) {
  connection.addEventListener("track", ({ track, streams }) => {
    const stream = streams[0] ?? new MediaStream([track]);
    if (track.kind === "audio") {
      $("audio").srcObject = stream;
      ears.open(stream);
    } else {
      $("video").srcObject = stream;
      eyes.open();
    }
  });
}

const media = () => ({ mediaConstraints: { audio: true, video: options.sipVideo }, pcConfig: options.pcConfig });

function answer() {
  // It may have stopped ringing meanwhile.
  if (!session || session.direction !== "incoming" || session.isEstablished()) return;
  tell("answered");
  session.answer(media());
}

function show(state) {
  $("state").textContent = state;
}

function buttons(...visible) {
  for (const id of ["answer", "decline", "hangup", "door"]) $(id).hidden = !visible.includes(id);
}

$("answer").onclick = answer;
$("decline").onclick = () => session?.terminate();
$("hangup").onclick = () => session?.terminate();
$("door").onclick = () => session?.sendDTMF(options.doorDigit);

// What the lab asks of the page.
window.popup = {
  call: (target) => {
    ua.call(`sip:${target}@${options.domain}`, media());
  },
  // decline with another status than the button's 480.
  decline: (status) => session.terminate({ status_code: status }),
  hangup: () => {
    session?.terminate();
  },
  digit: (digit, transport) => {
    session.sendDTMF(digit, { transportType: transport });
  },
  frame: () => eyes.frame(),
  frameTimes: () => eyes.times(),
  clocks: () => eyes.clocks,
  bursts: () => ({ said, heard: ears.bursts, latency: ears.latency() }),
  video: async () => eyes.report(session ? await statistics(session.connection, "inbound-rtp", "video") : {}),
  audio: (ms) => ears.measure(ms),
  audioPackets: async () => ({
    received: (await statistics(session?.connection, "inbound-rtp", "audio")).packetsReceived ?? 0,
    sent: (await statistics(session?.connection, "outbound-rtp", "audio")).packetsSent ?? 0,
  }),
  remoteDescription: () => session?.connection?.remoteDescription?.sdp ?? "",
  register: () => ua.register(),
  // leave without a goodbye, as a tablet that loses its network does not.
  disconnect: () => ua.stop(),
};

async function statistics(connection, type, kind) {
  if (!connection) return {};
  for (const entry of (await connection.getStats()).values()) {
    if (entry.type === type && entry.kind === kind) return entry;
  }
  return {};
}

ua.start();
