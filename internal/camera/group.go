package camera

import (
	"slices"
	"time"
)

const (
	// maxGroupPictures and maxGroupBytes bound the group of pictures kept for new readers: ten seconds at 30/s, and more than
	// two seconds at any rate that level 3.1 allows.
	maxGroupPictures = 300
	maxGroupBytes    = 4 << 20
	// replayStep is the distance of replayed pictures. They are decoded at once, to show the last of them: with their true
	// times a receiver would show the picture late by the length of the group.
	replayStep = time.Millisecond
	// againStep is the same for pictures that are replayed to somebody who has had them: they are to be timed after the newest one
	// and before the next one. It is some ticks of the RTP clock of 90 kHz.
	againStep = 100 * time.Microsecond
	// leastAgain is the least distance of two replays to one reader.
	leastAgain = 40 * time.Millisecond
)

// group holds the newest group of pictures of a source that gives an IDR at its own times only.
type group struct {
	pictures []AccessUnit
	bytes    int
}

// add takes a picture. A group that grows too long is given up until the next IDR.
func (g *group) add(au AccessUnit) {
	if au.IDR {
		g.clear()
	} else if len(g.pictures) == 0 {
		return
	}
	g.pictures = append(g.pictures, au)
	g.bytes += len(au.Data)
	if len(g.pictures) > maxGroupPictures || g.bytes > maxGroupBytes {
		g.clear()
	}
}

// clear forgets the group.
func (g *group) clear() {
	clear(g.pictures)
	g.pictures, g.bytes = g.pictures[:0], 0
}

// replay gives the group as a new reader gets it: squeezed together in time so that it ends with the newest picture.
func (g *group) replay() []AccessUnit {
	pictures := slices.Clone(g.pictures)
	for i := len(pictures) - 2; i >= 0; i-- {
		pictures[i].PTS = pictures[i+1].PTS - replayStep
	}
	return pictures
}

// again gives the group for a reader that was given its pictures before.
func (g *group) again() []AccessUnit {
	pictures := slices.Clone(g.pictures)
	for i := range pictures {
		pictures[i].PTS = g.pictures[len(g.pictures)-1].PTS + time.Duration(i+1)*againStep
	}
	return pictures
}

// worth is how long the group takes at twice a bit rate.
func (g *group) worth(bitrate int) time.Duration {
	return max(leastAgain, time.Duration(g.bytes)*8*time.Second/time.Duration(2*max(minBitrate, bitrate)))
}
