package page

import (
	"time"

	"doorstation/test/house"
	"doorstation/test/lab"
)

// Address is where the page is in the lab.
const Address = "127.0.0.1:9518"

// URL is what a person opens.
const URL = "http://localhost:9518/"

// Patience is how long a person waits for things that take well under a second, on a busy machine.
const Patience = 45 * time.Second

// Scene is a household with its page: a tablet in the kitchen, and a light at the door.
type Scene struct {
	House   *house.House
	Kitchen *lab.Popup
	Browser *Browser
}

// Open opens a household.
func Open(t lab.T, o house.Options, flags ...string) *Scene {
	t.Helper()
	if o.Page == "" {
		o.Page = "{listen: \"" + Address + "\"}"
	}
	if o.Camera == "" {
		o.Camera = "{source: test, width: 1280, height: 720, framerate: 15, bitrate: 1M, overlay: {text: Front door, time: true}}"
	}
	o.Config += "light: {pin: GPIO22}\n"
	s := &Scene{House: house.Open(t, o)}
	s.Kitchen = lab.StartBrowser(t).Popup(t, lab.PopupOptions{Extension: "101", WSURL: s.House.WSURL(), MicHz: 700})
	s.Kitchen.WaitRegistered(Patience)
	s.House.Door.WaitRegistered()
	s.Browser = StartBrowser(t, flags...)
	return s
}

// Moving is an expression that waits for so many pictures, and tells by how much the last differs from the first: of 64 × 36 points.
const Moving = `(async () => {
  const video = document.getElementById("video");
  const canvas = new OffscreenCanvas(64, 36);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const next = () => new Promise((shown, stalled) => {
    video.requestVideoFrameCallback(shown);
    setTimeout(() => stalled(new Error("the picture stands still")), 20000);
  });
  const grab = () => { pen.drawImage(video, 0, 0, 64, 36); return pen.getImageData(0, 0, 64, 36).data; };
  await next();
  const before = grab();
  for (let n = 0; n < 20; n += 1) await next();
  const after = grab();
  const colours = new Set();
  let changed = 0;
  for (let i = 0; i < after.length; i += 4) {
    if (Math.abs(after[i] - before[i]) > 24) changed += 1;
    colours.add((after[i] >> 5) + "," + (after[i + 1] >> 5) + "," + (after[i + 2] >> 5));
  }
  return { width: video.videoWidth, height: video.videoHeight, changed, colours: colours.size };
})()`

// Movement is what [Moving] tells.
type Movement struct{ Width, Height, Changed, Colours int }
