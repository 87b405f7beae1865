package terminal

import (
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one two three", 7, []string{"one two", "three"}},
		{"  one two", 6, []string{"  one", "  two"}},
		{"a-word-that-is-too-long x", 5, []string{"a-word-that-is-too-long", "x"}},
		{"über alles", 5, []string{"über", "alles"}},
	} {
		if got := wrap(c.text, c.width); !slices.Equal(got, c.want) {
			t.Errorf("%q at %d: %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

func TestASCII(t *testing.T) {
	if got := ascii("Küche – “ja”… ✓"); got != `Kueche - "ja"... ?` {
		t.Errorf("%q", got)
	}
}

// TestAPictureIsDrawnWithWhatThereIs: as wide as asked, both halves of a character coloured, or shades of grey in ASCII.
func TestAPictureIsDrawnWithWhatThereIs(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 160, 90))
	for y := range 90 {
		for x := range 160 {
			if y < 45 {
				img.Set(x, y, color.RGBA{255, 255, 255, 255})
			} else {
				img.Set(x, y, color.RGBA{0, 0, 255, 255})
			}
		}
	}
	colourful := render(img, 40, 30, Able{UTF8: true, Colours: 1 << 24})
	lines := strings.Split(strings.TrimSuffix(colourful, "\n"), "\n")
	if len(lines) != 11 || strings.Count(lines[0], "▀") != 40 || !strings.Contains(lines[0], "38;2;255;255;255") || !strings.Contains(lines[10], "48;2;0;0;255") {
		t.Errorf("%d lines: %q", len(lines), lines[0])
	}
	if few := render(img, 40, 30, Able{UTF8: true, Colours: 256}); !strings.Contains(few, "38;5;231") || strings.Contains(few, ";2;") {
		t.Errorf("256 colours: %q", few[:60])
	}
	grey := render(img, 40, 30, Able{})
	if !strings.HasPrefix(grey, strings.Repeat("@", 40)) || strings.Contains(grey, "\x1b") {
		t.Errorf("no colours: %q", grey[:60])
	}
	if render(img, 5, 3, Able{}) != "" || render(image.NewGray(image.Rect(0, 0, 0, 0)), 40, 30, Able{}) != "" {
		t.Error("a picture was drawn where there is no room, or none")
	}
}
