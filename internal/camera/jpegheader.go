package camera

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Markers of JPEG (ITU-T T.81 table B.1).
const (
	jpegSOF0 = 0xC0 // baseline
	jpegSOF1 = 0xC1 // extended sequential
	jpegSOF2 = 0xC2 // progressive
	jpegRST0 = 0xD0
	jpegRST7 = 0xD7
	jpegSOI  = 0xD8
	jpegEOI  = 0xD9
	jpegSOS  = 0xDA
)

// jpegHeader is what a JPEG picture says of itself before its first scan.
type jpegHeader struct {
	width, height, components int
	progressive               bool
}

// roomForJPEG is how many pixels a Motion JPEG picture may have whatever was agreed on: 1920x1080, in whole blocks. Cameras that send
// another size than they said are shown all the same.
const roomForJPEG = 1920 * 1088

// checkJPEG looks at the header of a picture before it is decoded, as a decoder allocates what the header says, and says why it is not to
// be: a few bytes can ask for 65535x65535 pixels. A progressive picture may have thousands of scans, each over all of it, and four
// components are colours for printing; no camera sends either. The error is [errPicture].
func checkJPEG(data []byte, agreed captureMode) error {
	h, err := readJPEGHeader(data)
	if err != nil {
		return err
	}
	switch {
	case h.width == 0 || h.height == 0 || h.width > widestCapture || h.height > widestCapture,
		blocksOf(h.width)*blocksOf(h.height) > max(roomForJPEG, blocksOf(agreed.width)*blocksOf(agreed.height)):
		return fmt.Errorf("%w: its header says %dx%d, %dx%d was agreed on", errPicture, h.width, h.height, agreed.width, agreed.height)
	case h.progressive:
		return fmt.Errorf("%w: it is a progressive JPEG", errPicture)
	case h.components != 1 && h.components != 3:
		return fmt.Errorf("%w: it has %d components", errPicture, h.components)
	}
	return nil
}

// blocksOf is a side in whole blocks of the coarsest sampling that is decoded, in pixels.
func blocksOf(side int) int {
	const block = 32
	return (side + block - 1) / block * block
}

// readJPEGHeader goes from marker to marker up to the first frame header, on the way that the decoder of image/jpeg goes: it takes the
// first frame header and refuses a second, and passes over stray bytes between segments.
func readJPEGHeader(data []byte) (jpegHeader, error) {
	if len(data) < 2 || data[0] != 0xFF || data[1] != jpegSOI {
		return jpegHeader{}, fmt.Errorf("%w: it is no JPEG", errPicture)
	}
	rest := data[2:]
	for {
		at := bytes.IndexByte(rest, 0xFF)
		if at < 0 {
			break
		}
		for rest = rest[at:]; len(rest) > 0 && rest[0] == 0xFF; rest = rest[1:] { // any number of them is one
		}
		if len(rest) == 0 {
			break
		}
		marker := rest[0]
		rest = rest[1:]
		if marker == 0 || marker >= jpegRST0 && marker <= jpegRST7 {
			continue // no segment follows
		}
		if marker == jpegEOI || marker == jpegSOS || len(rest) < 2 {
			break
		}
		n := int(binary.BigEndian.Uint16(rest))
		if n < 2 || n > len(rest) {
			break
		}
		segment := rest[2:n]
		rest = rest[n:]
		if marker < jpegSOF0 || marker > jpegSOF2 {
			continue
		}
		const fixed = 6 // precision, height, width, number of components
		if len(segment) < fixed {
			break
		}
		return jpegHeader{
			height: int(binary.BigEndian.Uint16(segment[1:])), width: int(binary.BigEndian.Uint16(segment[3:])),
			components: int(segment[5]), progressive: marker == jpegSOF2,
		}, nil
	}
	return jpegHeader{}, fmt.Errorf("%w: it has no JPEG header that can be read", errPicture)
}
