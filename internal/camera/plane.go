package camera

// plane is one component of a picture.
type plane struct {
	pix           []uint8
	stride        int
	width, height int
}

// newPlane makes an empty one.
func newPlane(width, height int) plane {
	return plane{pix: make([]uint8, width*height), stride: width, width: width, height: height}
}

// row is a line of samples.
func (p plane) row(y int) []uint8 { return p.pix[y*p.stride:][:p.width:p.width] }

// turning says how a picture is turned before it is sent.
type turning struct {
	// degrees is 0, 90, 180 or 270, clockwise.
	degrees int
	// mirror exchanges left and right of the turned picture.
	mirror bool
}

// none reports whether the picture stays as it is.
func (t turning) none() bool { return t.degrees == 0 && !t.mirror }

// size is that of the turned picture.
func (t turning) size(width, height int) (int, int) {
	if t.degrees%180 != 0 {
		return height, width
	}
	return width, height
}

// plane turns from into to, which has the turned size.
func (t turning) plane(to, from plane) {
	// Where in from the sample at 0,0 of to is, and how far one step to the right and one down in to leads there.
	var origin, right, down int
	last, bottom := from.width-1, (from.height-1)*from.stride
	switch t.degrees {
	case 90:
		origin, right, down = bottom, -from.stride, 1
	case 180:
		origin, right, down = bottom+last, -1, -from.stride
	case 270:
		origin, right, down = last, from.stride, -1
	default:
		origin, right, down = 0, 1, from.stride
	}
	if t.mirror {
		origin, right = origin+right*(to.width-1), -right
	}
	for y := range to.height {
		at := origin + y*down
		row := to.row(y)
		for x := range row {
			row[x] = from.pix[at]
			at += right
		}
	}
}

// scaler brings planes of one size to another. It keeps its memory from picture to picture.
type scaler struct {
	half   [8]plane // ever smaller ones
	places []place  // for each column of the result
}

// place is between two neighbours: at is the first one, share of 256 the part of the second.
type place struct{ at, share int }

// scale fills to with all of from. What is more than twice as big is halved first, as looking at single samples only would let fine
// patterns flicker.
func (s *scaler) scale(to, from plane) {
	for i := range s.half {
		wide, high := from.width >= 2*to.width, from.height >= 2*to.height
		if !wide && !high {
			break
		}
		w, h := from.width, from.height
		if wide {
			w /= 2
		}
		if high {
			h /= 2
		}
		if s.half[i].width != w || s.half[i].height != h {
			s.half[i] = newPlane(w, h)
		}
		halve(s.half[i], from, wide, high)
		from = s.half[i]
	}
	if from.width == to.width && from.height == to.height {
		for y := range to.height {
			copy(to.row(y), from.row(y))
		}
		return
	}
	s.interpolate(to, from)
}

// halve takes the mean of two or four samples each.
func halve(to, from plane, wide, high bool) {
	for y := range to.height {
		row := to.row(y)
		switch {
		case wide && high:
			a, b := from.row(2*y), from.row(2*y+1)
			for x := range row {
				row[x] = uint8((int(a[2*x]) + int(a[2*x+1]) + int(b[2*x]) + int(b[2*x+1]) + 2) / 4)
			}
		case wide:
			a := from.row(y)
			for x := range row {
				row[x] = uint8((int(a[2*x]) + int(a[2*x+1]) + 1) / 2)
			}
		default:
			a, b := from.row(2*y), from.row(2*y+1)
			for x := range row {
				row[x] = uint8((int(a[x]) + int(b[x]) + 1) / 2)
			}
		}
	}
}

// interpolate mixes the four nearest samples.
func (s *scaler) interpolate(to, from plane) {
	s.places = s.places[:0]
	for x := range to.width {
		s.places = append(s.places, placeOf(x, to.width, from.width))
	}
	for y := range to.height {
		v := placeOf(y, to.height, from.height)
		a, b := from.row(v.at), from.row(min(v.at+1, from.height-1))
		row := to.row(y)
		for x, h := range s.places {
			next := min(h.at+1, from.width-1)
			upper := int(a[h.at])*(256-h.share) + int(a[next])*h.share
			lower := int(b[h.at])*(256-h.share) + int(b[next])*h.share
			row[x] = uint8((upper*(256-v.share) + lower*v.share + 1<<15) >> 16)
		}
	}
}

// placeOf is where the middle of sample i of n lies among the middles of m samples.
func placeOf(i, n, m int) place {
	at := max(0, ((2*i+1)*m*128)/n-128)
	at = min(at, (m-1)*256)
	return place{at / 256, at % 256}
}
