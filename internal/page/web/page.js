// The door's status page. The agent says everything in sentences; here it is put in its places, and times into words.
"use strict";

const $ = (id) => document.getElementById(id);

// make builds an element; text goes in as text, whatever it holds.
function make(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) e.setAttribute(name, "");
    else if (value !== undefined && value !== false && value !== "") e.setAttribute(name, value);
  }
  e.append(...children.filter((c) => c !== undefined && c !== ""));
  return e;
}

// --- times ---

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });
const longDate = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

function dayOf(t) {
  return new Date(t.getFullYear(), t.getMonth(), t.getDate()).getTime();
}

// moment is "13:59", "yesterday 13:59", "Mon 23 Nov, 13:59" or, of another year, "23 Nov 2026, 13:59".
function moment(text, now = new Date()) {
  const t = new Date(text);
  const days = Math.round((dayOf(now) - dayOf(t)) / 86_400_000);
  if (days === 0) return clock.format(t);
  if (days === 1) return `yesterday ${clock.format(t)}`;
  return `${(t.getFullYear() === now.getFullYear() ? date : longDate).format(t)}, ${clock.format(t)}`;
}

function stamp(text, word = "") {
  return make("time", { datetime: text, title: new Date(text).toLocaleString("en-GB"), class: "at" }, (word ? `${word} ` : "") + moment(text));
}

// --- what is shown ---

let view = null;
let allVisits = false;
const drawn = new Map();

// changed tells whether a part differs from what is on the page: what has not changed is left alone, with the focus in it.
function changed(part, value) {
  const text = JSON.stringify(value);
  if (drawn.get(part) === text) return false;
  drawn.set(part, text);
  return true;
}

function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

// headline is the door in a line, here and on the tab.
function headline(mood, visit, title, detail) {
  document.body.dataset.mood = mood;
  document.body.dataset.visit = visit;
  setText($("title"), title);
  setText($("detail"), detail);
  document.title = `${title} – door station`;
}

function show(v) {
  if (view && view.version !== v.version) { // what the door says may have changed its form
    location.reload();
    return;
  }
  view = v;
  headline(v.mood, v.visit ? v.visit.state : "idle", v.title, v.detail);
  draw();
}

// draw puts what is below the headline in its places.
function draw() {
  const v = view;
  // The day is part of it: at midnight "13:59" becomes "yesterday 13:59".
  const today = dayOf(new Date());
  if (changed("faults", [v.faults, today])) showFaults(v.faults);
  if (changed("visits", [v.visit, v.visits, allVisits, today])) showVisits(v);
  if (changed("buttons", v.buttons)) showButtons(v.buttons);
  if (changed("groups", [v.groups, today])) $("groups").replaceChildren(...v.groups.map(showGroup));
  if (changed("picture", v.picture)) showPicture(v.picture);
  if (changed("about", [v.version, v.started, today])) {
    $("about").replaceChildren(`doorstation ${v.version}, started `, stamp(v.started));
  }
  $("metrics").hidden = !v.metrics;
  $("logout").hidden = !v.password;
}

function showFaults(faults) {
  $("faults").hidden = faults.length === 0;
  $("fault-list").replaceChildren(...faults.map((f) => make("li", { class: "fault", "data-mood": f.severity === "error" ? "bad" : "warn", "data-code": f.code },
    make("h3", {}, f.title),
    f.detail ? make("p", { class: "saw" }, `What was seen: ${f.detail}`) : "",
    make("p", { class: "do" }, make("b", {}, "What to do: "), f.remedy),
    make("p", { class: "small" },
      make("span", {}, f.severity === "error" ? "Error " : "Warning ", stamp(f.since, "since")),
      f.help ? make("a", { href: `/docs/faults/${f.code}` }, `More about ${f.code}`) : make("code", {}, f.code)))));
}

const fewVisits = 5;

function showVisits(v) {
  const rows = [];
  if (v.visit) {
    const word = { calling: "Calling", ringing: "Ringing", talking: "Talking", ending: "Ending" }[v.visit.state] ?? v.visit.state;
    rows.push(make("li", { "data-state": v.visit.state },
      make("span", { class: "when" }, v.visit.button, " ", v.visit.since ? stamp(v.visit.since, "since") : ""),
      make("span", { class: "tag", "data-mood": "busy" }, word),
      make("span", { class: "how" }, v.visit.text)));
  }
  const past = allVisits ? v.visits : v.visits.slice(0, fewVisits);
  for (const p of past) {
    rows.push(make("li", { "data-outcome": p.outcome },
      make("span", { class: "when" }, p.button, " ", stamp(p.at)),
      make("span", { class: "tag", "data-mood": p.mood }, p.word),
      make("span", { class: "how" }, p.text)));
  }
  $("visit-list").replaceChildren(...rows);
  $("no-visits").hidden = rows.length > 0;
  $("more").hidden = v.visits.length <= fewVisits;
  setText($("more"), allVisits ? "Show fewer" : `Show all ${v.visits.length}`);
}

function showButtons(buttons) {
  $("buttons").replaceChildren(...buttons.map((b) => {
    const button = make("button", { type: "button" }, `Ring “${b.name}”`, make("small", {}, b.calls.length ? b.calls.join(", ") : "calls nobody"));
    button.addEventListener("click", () => ask(b));
    return button;
  }));
}

function showGroup(g) {
  return make("section", { class: "card" }, make("h3", {}, g.title), make("dl", {}, ...g.rows.map((r) => make("div", {},
    make("dt", {}, r.name),
    make("dd", { "data-mood": r.mood }, r.value, r.value && r.time ? " " : "", r.time ? stamp(r.time, r.word) : "")))));
}

function showPicture(p) {
  setText($("look-note"), p.light ? "The door’s light is on while you look. There is no sound." : "There is no sound.");
  if (!looking) setText($("curtain-text"), p.text);
  else if (p.failing) curtain("wait", p.text); // a picture that stands still is not the door
  else if ($("frame").dataset.state === "wait") {
    curtain("wait", fetching);
    const mine = looking;
    $("video").requestVideoFrameCallback?.(() => { if (looking === mine) lift(); });
  }
  if (p.width > 0 && p.height > 0) $("frame").style.aspectRatio = `${p.width} / ${p.height}`;
}

// --- sound ---

const quietest = -60;

function showLevel(name, running, level) {
  const value = running && level !== null ? Math.max(quietest, Math.min(0, level)) : quietest;
  $(name).setAttribute("aria-valuenow", Math.round(value));
  $(name).firstElementChild.style.setProperty("--level", (value - quietest) / -quietest);
  let text = "off";
  if (running) text = level === null ? "silent" : `${Math.round(level)} dB`.replace("-", "−");
  $(name).setAttribute("aria-valuetext", text);
  setText($(`${name}-value`), text);
}

function showSound(s) {
  showLevel("near", s.running, s.near);
  showLevel("far", s.running, s.far);
}

// --- asking the door for something ---

let token = "";

// send asks for something; the answer's sentence is thrown when it is refused.
async function send(method, path, kind, body) {
  const headers = { "X-Page-Token": token };
  if (kind) headers["Content-Type"] = kind;
  const answer = await fetch(path, { method, headers, body, credentials: "same-origin", cache: "no-store" });
  if (answer.ok) return answer;
  let text = `The door answers ${answer.status}.`;
  try {
    text = (await answer.json()).error || text;
  } catch { /* no sentence: the number it is */ }
  throw new Error(text);
}

let sayingFor = 0;

function say(text, mood = "") {
  $("said").dataset.mood = mood;
  setText($("said"), text);
  clearTimeout(sayingFor);
  sayingFor = setTimeout(() => setText($("said"), ""), 8000);
}

function list(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

// ask rings the household after a question: it is a real ring.
function ask(button) {
  setText($("ask-text"), button.calls.length
    ? `This rings ${list(button.calls)}, as if a visitor had pressed “${button.name}”.`
    : `“${button.name}” calls nobody: the visitor would hear the fault tone.`);
  $("ask").returnValue = "no";
  $("ask").onclose = async () => {
    if ($("ask").returnValue !== "yes") return;
    try {
      await send("POST", "/api/press", "application/json", JSON.stringify({ button: button.name }));
      say(`“${button.name}” was pressed.`);
    } catch (error) {
      say(error.message, "bad");
    }
  };
  $("ask").showModal();
}

async function testSound() {
  $("sound").disabled = true;
  try {
    await send("POST", "/api/sound");
    say("A tone is played at the door. Speak there, and see the microphone move.");
  } catch (error) {
    say(error.message, "bad");
  }
  setTimeout(() => { $("sound").disabled = false; }, 5000);
}

// --- the picture: WebRTC, offered by the browser, answered by the door ---

let looking = null; // { pc, place, connected }

// complete waits until the browser has named its addresses, or for a second.
function complete(pc) {
  return new Promise((done) => {
    if (pc.iceGatheringState === "complete") done();
    pc.addEventListener("icegatheringstatechange", () => { if (pc.iceGatheringState === "complete") done(); });
    setTimeout(done, 1000);
  });
}

function curtain(state, text) {
  const focus = document.activeElement;
  $("frame").dataset.state = state;
  if (text) setText($("curtain-text"), text);
  setText($("look-said"), state === "on" ? "The picture is live." : text);
  $("live").hidden = state !== "on";
  $("hide").hidden = state === "off";
  // A button that goes away leaves its focus to the one that comes.
  if (focus === $("show") && state !== "off") $("hide").focus();
  if (focus === $("hide") && state === "off") $("show").focus();
}

// lift shows the pictures that come.
function lift() {
  if (looking && !view?.picture.failing) curtain("on");
}

const fetching = "Fetching the picture…";
const notThrough = "The picture does not get through to this browser. It comes straight from the door: browser and door must be in one network.";

async function look() {
  if (looking) return;
  if (!window.RTCPeerConnection) {
    curtain("off", "This browser has no WebRTC, or it is switched off.");
    return;
  }
  const pc = new RTCPeerConnection();
  const mine = { pc, place: "", connected: false };
  looking = mine;
  curtain("wait", fetching);
  try {
    pc.addTransceiver("audio", { direction: "recvonly" }); // the door answers no offer without sound; it sends none
    pc.addTransceiver("video", { direction: "recvonly" });
    pc.addEventListener("track", (e) => {
      if (e.track.kind === "video") $("video").srcObject = new MediaStream([e.track]);
    });
    pc.addEventListener("connectionstatechange", () => {
      if (pc.connectionState === "connected") mine.connected = true;
      if (looking === mine && (pc.connectionState === "failed" || pc.connectionState === "closed")) stopLooking(notThrough);
    });
    await pc.setLocalDescription(await pc.createOffer());
    await complete(pc);
    const answer = await send("POST", "/api/picture", "application/sdp", pc.localDescription.sdp);
    mine.place = answer.headers.get("Location") ?? "";
    if (looking !== mine) { // stopped meanwhile
      leave(mine);
      return;
    }
    await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    $("video").play().catch(() => {});
  } catch (error) {
    if (looking === mine) stopLooking(error.message);
  }
}

// leave tells the door that nobody looks any more, also from a page that is just being closed.
function leave(was) {
  was.pc.close();
  if (was.place) {
    fetch(was.place, { method: "DELETE", headers: { "X-Page-Token": token }, keepalive: true, credentials: "same-origin" }).catch(() => {});
    was.place = "";
  }
}

function stopLooking(why = "The picture is off.") {
  const was = looking;
  if (!was) return;
  looking = null;
  $("video").srcObject = null;
  curtain("off", why);
  leave(was);
}

// --- the door's events ---

let source = null;
let lastHeard = 0; // or began to listen
let lastSeen = null; // of the door

function link(state, text) {
  $("link").dataset.state = state;
  setText($("link-text"), text);
  document.body.classList.toggle("lost", state === "lost");
}

// lost says what is known when the door says nothing: not how it is, but how it was.
function lost(text = "No connection to the door", detail = "It is tried again.") {
  link("lost", text);
  headline("bad", "idle", `${text}.`, lastSeen ? `${detail} What is shown is from ${moment(lastSeen)}.` : detail);
  showSound({ running: false, near: null, far: null });
  if (looking) looking.place = ""; // it ends with the connection
  stopLooking("The connection to the door is lost.");
  token = "";
  for (const button of document.querySelectorAll("#buttons button, #sound, #show")) button.disabled = true;
}

function found() {
  link("up", "Live");
  for (const button of document.querySelectorAll("#buttons button, #sound, #show")) button.disabled = false;
}

function connect() {
  source?.close();
  source = new EventSource("/api/events");
  lastHeard = Date.now();
  const on = (name, take) => source.addEventListener(name, (e) => {
    lastHeard = Date.now();
    lastSeen = new Date();
    take(JSON.parse(e.data));
  });
  on("hello", (h) => {
    token = h.token;
    found();
  });
  on("view", show);
  on("sound", showSound);
  on("beat", () => {});
  on("picture_ended", () => {
    if (!looking) return;
    looking.place = "";
    stopLooking(looking.connected ? "The door has ended the picture." : notThrough);
  });
  const mine = source;
  source.addEventListener("error", () => {
    if (mine !== source) return;
    lost();
    if (source.readyState === EventSource.CLOSED) again();
  });
}

// again tries once more after a refusal: the session may have ended, or the page may be open too often.
async function again() {
  try {
    const answer = await fetch("/", { redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") {
      location.reload();
      return;
    }
    if (answer.ok) lost("The door takes no more pages", "This page is open too often: close it elsewhere.");
  } catch { /* it is away */ }
  setTimeout(connect, 3000);
}

setInterval(() => {
  if (view) draw(); // it may be another day
  if (Date.now() - lastHeard > 25_000) {
    lost();
    connect();
  }
}, 5000);

$("show").addEventListener("click", look);
$("hide").addEventListener("click", () => stopLooking());
$("sound").addEventListener("click", testSound);
$("more").addEventListener("click", () => {
  allVisits = !allVisits;
  if (view) draw();
});
$("video").addEventListener("playing", lift);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") stopLooking("The picture ended when the page was hidden.");
});
window.addEventListener("pagehide", () => {
  stopLooking();
  source?.close();
});
window.addEventListener("pageshow", (e) => { if (e.persisted) connect(); });
connect();
