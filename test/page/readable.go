package page

import (
	"os"
	"path/filepath"
	"time"

	"doorstation/internal/page"
	"doorstation/test/lab"
)

// Second is how long a first wrong password waits, and a little more.
const Second = 1100 * time.Millisecond

// PasswordFile makes the file of a password.
func PasswordFile(t lab.T, password string) string {
	t.Helper()
	p, err := page.NewPassword(password)
	if err != nil {
		t.Fatalf("page: %v", err)
	}
	path := filepath.Join(lab.Out(t), "password")
	if err = os.WriteFile(path, []byte(p.Line()), 0o600); err != nil {
		t.Fatalf("page: %v", err)
	}
	return path
}

// Pale is an expression that lists the texts whose contrast to what is behind them is less than 4.5 to 1, or 3 to 1 for large ones
// (WCAG 2.2, success criterion 1.4.3). What is disabled or hidden is left out, and what lies on a picture.
const Pale = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a)).concat(1);
  const behind = (e) => {
    const layers = [];
    for (let p = e; p; p = p.parentElement) layers.push(rgba(getComputedStyle(p).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255, 1]);
  };
  const light = (c) => {
    const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const pale = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const e = n.parentElement;
    if (!n.textContent.trim() || !e.checkVisibility() || e.closest(".curtain, :disabled, .hidden, .skip, script, noscript")) continue;
    const style = getComputedStyle(e);
    const ground = behind(e);
    const [red, green, blue, ink] = rgba(style.color);
    let faded = ink;
    for (let p = e; p; p = p.parentElement) faded *= getComputedStyle(p).opacity;
    const text = over([red, green, blue, faded], ground);
    const [a, b] = [light(text), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < least) pale.push(n.textContent.trim().slice(0, 40) + " " + ratio.toFixed(2));
  }
  return pale;
})()`
