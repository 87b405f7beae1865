package camera

import (
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"time"
)

// The layout of the clock picture. It is given in fractions of the picture, so that a reader needs to know nothing but
// these constants, at whatever size the picture is shown:
//
//   - The clock is a band over the whole width at the top, of 1/[ClockBand] of the height.
//   - The band is a grid of [ClockRows] rows and [ClockColumns] columns of equal cells. A dark cell is 0, a bright one 1.
//   - Row 0 calibrates: cells at even columns are dark, at odd columns bright. Halfway between the mean of the dark and
//     the mean of the bright ones is the threshold for all others.
//   - Rows 1 to 3 hold 96 bits, row by row from the left, most significant bit first: 48 bits Unix time in milliseconds,
//     32 bits frame number, 16 bits CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF) over the ten bytes before it.
//
// A cell is sampled over its middle half in both directions: its edges smear in an encoder and in scaling.
const (
	ClockBand    = 6
	ClockRows    = 4
	ClockColumns = 32
)

// Luma of dark and bright cells: black and white of the limited range that a decoder assumes for a stream without video
// usability information (ITU-T H.264 annex E, video_full_range_flag).
const (
	clockDark   = 16
	clockBright = 235
	// clockContrast is the least luma distance between dark and bright calibration cells of a clock worth reading.
	clockContrast = 48
	clockBytes    = 12
)

// Errors of [ReadClock].
var (
	// ErrNoClock means that the calibration row is not where a clock has it: this is another picture.
	ErrNoClock = errors.New("the picture shows no clock")
	// ErrClockDamaged means that there is a clock, but its checksum does not fit the bits.
	ErrClockDamaged = errors.New("the clock in the picture is damaged")
)

// DrawClock draws the machine-readable clock over the top of a 4:2:0 picture: time t, to the millisecond, and frame
// number n (its low 32 bits).
func DrawClock(img *image.YCbCr, t time.Time, n int) {
	bits := clockBits(t, uint32(n))
	for row := range ClockRows {
		for column := range ClockColumns {
			luma := uint8(clockDark)
			if clockCell(bits, row, column) {
				luma = clockBright
			}
			fillGrey(img, cellRect(img.Rect, row, column), luma)
		}
	}
}

// ReadClock finds time (UTC) and frame number in a picture drawn on by [DrawClock], also after it was encoded, scaled or
// photographed off a screen as a whole. Bars of one colour around the picture, as a player adds them to keep the aspect
// ratio, are no obstacle.
func ReadClock(img image.Image) (t time.Time, n uint32, err error) {
	if img == nil {
		return time.Time{}, 0, ErrNoClock
	}
	luma := lumaOf(img)
	whole := img.Bounds()
	t, n, err = readClockIn(luma, whole)
	if err == nil {
		return t, n, nil
	}
	inner := trimBars(luma, whole)
	if inner == whole {
		return time.Time{}, 0, err
	}
	return readClockIn(luma, inner)
}

// clockBits is the content of rows 1 to 3.
func clockBits(t time.Time, n uint32) [clockBytes]byte {
	var b [clockBytes]byte
	ms := uint64(t.UnixMilli())
	binary.BigEndian.PutUint16(b[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(b[2:], uint32(ms))
	binary.BigEndian.PutUint32(b[6:], n)
	binary.BigEndian.PutUint16(b[10:], crc16(b[:10]))
	return b
}

// clockCell says whether a cell is bright.
func clockCell(bits [clockBytes]byte, row, column int) bool {
	if row == 0 {
		return column%2 == 1
	}
	i := (row-1)*ClockColumns + column
	return bits[i/8]>>(7-i%8)&1 == 1
}

// cellRect is where a cell lies in a picture of these bounds.
func cellRect(r image.Rectangle, row, column int) image.Rectangle {
	return image.Rect(
		r.Min.X+r.Dx()*column/ClockColumns,
		r.Min.Y+r.Dy()*row/(ClockBand*ClockRows),
		r.Min.X+r.Dx()*(column+1)/ClockColumns,
		r.Min.Y+r.Dy()*(row+1)/(ClockBand*ClockRows),
	)
}

// readClockIn reads the clock of a picture that fills r.
func readClockIn(luma lumaFunc, r image.Rectangle) (t time.Time, n uint32, err error) {
	if r.Dx() < 2*ClockColumns || r.Dy() < 2*ClockBand*ClockRows {
		return time.Time{}, 0, ErrNoClock
	}
	var dark, bright int
	for column := range ClockColumns {
		mean := cellMean(luma, r, 0, column)
		if column%2 == 0 {
			dark += mean
		} else {
			bright += mean
		}
	}
	dark /= ClockColumns / 2
	bright /= ClockColumns / 2
	if bright-dark < clockContrast {
		return time.Time{}, 0, ErrNoClock
	}
	threshold := (dark + bright) / 2
	for column := range ClockColumns {
		if (cellMean(luma, r, 0, column) > threshold) != (column%2 == 1) {
			return time.Time{}, 0, ErrNoClock
		}
	}

	var b [clockBytes]byte
	for i := range clockBytes * 8 {
		if cellMean(luma, r, 1+i/ClockColumns, i%ClockColumns) > threshold {
			b[i/8] |= 1 << (7 - i%8)
		}
	}
	if crc16(b[:10]) != binary.BigEndian.Uint16(b[10:]) {
		return time.Time{}, 0, ErrClockDamaged
	}
	ms := int64(binary.BigEndian.Uint16(b[0:]))<<32 | int64(binary.BigEndian.Uint32(b[2:]))
	return time.UnixMilli(ms).UTC(), binary.BigEndian.Uint32(b[6:]), nil
}

// cellMean is the mean luma of the middle half of a cell.
func cellMean(luma lumaFunc, r image.Rectangle, row, column int) int {
	c := cellRect(r, row, column)
	c = image.Rect(c.Min.X+c.Dx()/4, c.Min.Y+c.Dy()/4, c.Max.X-c.Dx()/4, c.Max.Y-c.Dy()/4)
	sum, count := 0, 0
	for y := c.Min.Y; y < c.Max.Y; y++ {
		for x := c.Min.X; x < c.Max.X; x++ {
			sum += int(luma(x, y))
			count++
		}
	}
	if count == 0 {
		return 0
	}
	return sum / count
}

// trimBars leaves away the rows and columns at the edges that show one colour only.
func trimBars(luma lumaFunc, r image.Rectangle) image.Rectangle {
	for !r.Empty() && flat(luma, image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+1)) {
		r.Min.Y++
	}
	for !r.Empty() && flat(luma, image.Rect(r.Min.X, r.Max.Y-1, r.Max.X, r.Max.Y)) {
		r.Max.Y--
	}
	for !r.Empty() && flat(luma, image.Rect(r.Min.X, r.Min.Y, r.Min.X+1, r.Max.Y)) {
		r.Min.X++
	}
	for !r.Empty() && flat(luma, image.Rect(r.Max.X-1, r.Min.Y, r.Max.X, r.Max.Y)) {
		r.Max.X--
	}
	return r
}

// flat reports whether everything in r has nearly the same luma.
func flat(luma lumaFunc, r image.Rectangle) bool {
	const tolerance = 12
	low, high := uint8(255), uint8(0)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			v := luma(x, y)
			low, high = min(low, v), max(high, v)
			if high-low > tolerance {
				return false
			}
		}
	}
	return true
}

// lumaFunc gives the brightness at a place inside the picture.
type lumaFunc func(x, y int) uint8

// lumaOf avoids the colour conversion where the picture has a luma plane.
func lumaOf(img image.Image) lumaFunc {
	if yuv, ok := img.(*image.YCbCr); ok {
		return func(x, y int) uint8 { return yuv.Y[yuv.YOffset(x, y)] }
	}
	return func(x, y int) uint8 {
		grey, ok := color.GrayModel.Convert(img.At(x, y)).(color.Gray)
		if !ok {
			return 0
		}
		return grey.Y
	}
}

// crc16 is CRC-16/CCITT-FALSE.
func crc16(data []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, b := range data {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
