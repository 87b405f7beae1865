package terminal

import (
	"fmt"
	"image"
	"strings"
)

// render draws a picture with characters: two coloured pixels a character where there are colours and UTF-8, else one shade a
// character.
func render(img image.Image, columns, rows int, able Able) string {
	bounds := img.Bounds()
	if bounds.Empty() || columns < 10 || rows < 5 {
		return ""
	}
	// A character is about twice as high as wide.
	width := columns
	height := width * bounds.Dy() / bounds.Dx() / 2
	if height > rows {
		height = rows
		width = min(columns, max(1, 2*height*bounds.Dx()/bounds.Dy()))
	}
	height = max(1, height)
	var b strings.Builder
	if able.Colours >= 256 && able.UTF8 {
		small := shrink(img, width, 2*height)
		for y := range height {
			for x := range width {
				fmt.Fprintf(&b, "\x1b[38;%s;48;%sm▀", sgr(small[2*y][x], able.Colours), sgr(small[2*y+1][x], able.Colours))
			}
			b.WriteString("\x1b[0m\n")
		}
		return b.String()
	}
	small := shrink(img, width, height)
	const shades = " .:-=+*#%@"
	for y := range height {
		line := make([]byte, width)
		for x := range width {
			p := small[y][x]
			light := (299*int(p.r) + 587*int(p.g) + 114*int(p.b)) / 1000
			line[x] = shades[light*(len(shades)-1)/255]
		}
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return b.String()
}

type pixel struct{ r, g, b uint8 }

// shrink averages a picture down to a size.
func shrink(img image.Image, width, height int) [][]pixel {
	bounds := img.Bounds()
	rows := make([][]pixel, height)
	for y := range rows {
		rows[y] = make([]pixel, width)
		y0, y1 := part(bounds.Min.Y, bounds.Dy(), y, height)
		for x := range rows[y] {
			x0, x1 := part(bounds.Min.X, bounds.Dx(), x, width)
			rows[y][x] = average(img, x0, y0, x1, y1)
		}
	}
	return rows
}

// part is the i-th of n parts of a length, never empty.
func part(from, length, i, n int) (first, after int) {
	first = from + length*i/n
	return first, max(first+1, from+length*(i+1)/n)
}

func average(img image.Image, x0, y0, x1, y1 int) pixel {
	const least = 4 // samples in each direction: every pixel of a large picture would take a second on a small machine
	stepX, stepY := max(1, (x1-x0)/least), max(1, (y1-y0)/least)
	var r, g, b, n uint64
	for y := y0; y < y1; y += stepY {
		for x := x0; x < x1; x += stepX {
			pr, pg, pb, _ := img.At(x, y).RGBA()
			r, g, b, n = r+uint64(pr>>8), g+uint64(pg>>8), b+uint64(pb>>8), n+1
		}
	}
	return pixel{uint8(r / n), uint8(g / n), uint8(b / n)}
}

// sgr is a colour as ECMA-48 and xterm write it, without 38 or 48.
func sgr(p pixel, colours int) string {
	if colours > 256 {
		return fmt.Sprintf("2;%d;%d;%d", p.r, p.g, p.b)
	}
	const steps = 5 // xterm's cube of 6 x 6 x 6 colours begins at 16
	level := func(v uint8) int { return (int(v)*steps + 127) / 255 }
	return fmt.Sprintf("5;%d", 16+36*level(p.r)+6*level(p.g)+level(p.b))
}
