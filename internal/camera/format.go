package camera

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// ErrFormat means that the stream is not the H.264 that calls promise: constrained baseline of level 3.1 or below
// (profile-level-id 42e01f). A browser that takes the promise at its word shows a black picture and no error.
var ErrFormat = errors.New("the camera's H.264 is not what browsers are promised")

const (
	profileBaseline = 66
	profileMain     = 77
	profileExtended = 88
	// level31 is level_idc of level 3.1.
	level31 = 31
	// maxDecodedBlocks bounds the decoded picture buffer of level 3.1, in macroblocks (ITU-T H.264 table A-1).
	maxDecodedBlocks = 18000
)

// checkFormat holds a sequence parameter set to 42e01f. It returns what to send in its place: a level above 3.1 is written
// down to 3.1 where the pictures keep within it, because encoders, the Raspberry Pi's among them, state the level they were
// built for. A plain baseline stream without the constraint flag is taken: what it may use beyond, slice groups and redundant
// slices, no camera's encoder writes.
func checkFormat(sps []byte, framerate int) ([]byte, error) {
	const remedy = "expected the baseline profile without B-frames, level 3.1 at most, " +
		"such as -profile:v baseline -level 3.1 -bf 0 of ffmpeg"
	if len(sps) < 4 {
		return sps, fmt.Errorf("%w: its parameters cannot be read", ErrFormat)
	}
	profile, flags, level := sps[1], sps[2], sps[3]
	if !isBaseline(profile, flags) {
		return sps, fmt.Errorf("%w: it is of the %s profile; %s", ErrFormat, profileName(profile), remedy)
	}
	if level <= level31 {
		return sps, nil
	}
	var parsed h264.SPS
	if err := parsed.Unmarshal(sps); err != nil {
		return sps, fmt.Errorf("%w: its parameters cannot be read: %w", ErrFormat, err)
	}
	width, height := parsed.Width(), parsed.Height()
	const widest = 1 << 14 // beyond any level; products stay small
	blocks := ((width + 15) / 16) * ((height + 15) / 16)
	if width <= 0 || height <= 0 || width > widest || height > widest || blocks > maxMacroblocks || blocks*framerate > maxMacroblocksPerSecond ||
		uint64(blocks)*uint64(parsed.MaxNumRefFrames) > maxDecodedBlocks {
		return sps, fmt.Errorf("%w: it is %dx%d of level %d.%d; expected 1280x720 at 30/s at most: %s",
			ErrFormat, width, height, level/10, level%10, remedy)
	}
	sps = slices.Clone(sps)
	sps[3] = level31
	return sps, nil
}

// isBaseline reports whether every decoder of the constrained baseline profile takes the stream (RFC 6184 table 5), or every
// decoder there is, as for plain baseline.
func isBaseline(profile, flags byte) bool {
	set0, set1 := flags&0x80 != 0, flags&0x40 != 0
	switch profile {
	case profileBaseline:
		return true
	case profileMain:
		return set0
	case profileExtended:
		return set0 && set1
	default:
		return false
	}
}

// profileName is the profile's name for people.
func profileName(profile byte) string {
	switch profile {
	case profileMain:
		return "Main"
	case profileExtended:
		return "Extended"
	case 100:
		return "High"
	default:
		return fmt.Sprintf("number %d", profile)
	}
}
