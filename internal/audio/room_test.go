package audio

import (
	"math"
	"math/rand/v2"
)

// porchCase is a simulated porch: what the far end says comes out of the loudspeaker, goes through the room and comes back to the
// microphone, beside the visitor and noise.
type porchCase struct {
	name     string
	far      speaker
	near     speaker
	delay    float64 // of the device, in seconds
	room     float64 // how long sound takes to fade by 60 dB, in seconds
	apart    float64 // loudspeaker and microphone, in metres
	coupling float64 // what comes back against what is played, in dB
	noise    float64 // level in dBFS; 0: -70
	clip     float64 // the loudspeaker's most, in dBFS; 0: it has none
	visitor  float64 // level in dBFS
	lowered  float64 // by how many dB the visitor may be lowered in double talk; 0: 3
	begins   float64 // when the visitor begins to speak, in seconds; 0: at the sixth second
}

// speaker is one of the made-up speakers.
type speaker struct {
	seed  uint64
	pitch float64 // in Hz
	tract float64 // how the resonances lie against a man's
}

func man(seed uint64) speaker   { return speaker{seed, 115, 1} }
func woman(seed uint64) speaker { return speaker{seed, 205, 1.17} }

const porchSeconds = 12

// sounds gives what the loudspeaker plays, what the microphone hears, and what of that is the visitor.
func (c porchCase) sounds() (near, far, visitor []int16) {
	far = atLevel(c.far.speaks(porchSeconds), -20)
	visitor = atLevel(c.near.speaks(porchSeconds), c.visitor)
	return c.mixed(far, visitor)
}

// mixed is sounds with voices of one's own.
func (c porchCase) mixed(far, visitor []int16) (near, played, said []int16) {
	begins := min(c.begins, float64(len(visitor)/SampleRate))
	if c.begins == 0 {
		begins = min(6, float64(len(visitor))/SampleRate)
	}
	clear(visitor[:int(begins*SampleRate)])
	loud := append([]int16(nil), far...)
	if c.clip != 0 {
		most := int16(math.Pow(10, c.clip/20) * math.MaxInt16)
		for i, v := range loud {
			loud[i] = max(-most, min(most, v))
		}
	}
	near = convolve(loud, c.response())
	level := c.noise
	if level == 0 {
		level = -70
	}
	hiss := rand.New(rand.NewPCG(c.far.seed, 3))
	rms := math.Pow(10, level/20) * math.MaxInt16
	for i := range near {
		near[i] = saturate(float64(near[i]) + float64(visitor[i]) + rms*hiss.NormFloat64())
	}
	return near, far, visitor
}

// response is the way from loudspeaker to microphone by the image-source method (J. Allen and D. Berkley, "Image method for efficiently
// simulating small-room acoustics", 1979), in a porch of 2.4 m by 1.8 m by 2.5 m whose walls all reflect alike; both are on the wall.
func (c porchCase) response() []float64 {
	const speed = 343.0
	size := [3]float64{2.4, 1.8, 2.5}
	from := [3]float64{1.1, 0.05, 1.45}
	to := [3]float64{1.1 + 0.3*c.apart, 0.05, 1.45 - 0.95*c.apart}
	volume := size[0] * size[1] * size[2]
	surface := 2 * (size[0]*size[1] + size[1]*size[2] + size[0]*size[2])
	reflects := math.Sqrt(math.Exp(-0.161 * volume / (surface * c.room))) // Eyring
	length := int((c.delay + max(0.1, c.room)) * SampleRate)
	h := make([]float64, length)
	reach := int(math.Ceil(speed * max(0.1, c.room) / 1.8 / 2))
	for x := -reach; x <= reach; x++ {
		for y := -reach; y <= reach; y++ {
			for z := -reach; z <= reach; z++ {
				image(h, c.delay, reflects, size, from, to, [3]int{x, y, z})
			}
		}
	}
	sum := 0.0
	for _, v := range h {
		sum += v * v
	}
	gain := math.Pow(10, c.coupling/20) / math.Sqrt(sum)
	for i := range h {
		h[i] *= gain
	}
	return h
}

// image adds the eight images of one mirrored room.
func image(h []float64, delay, reflects float64, size, from, to [3]float64, room [3]int) {
	for mirror := range 8 {
		distance, bounces := 0.0, 0
		for axis := range 3 {
			m := mirror >> axis & 1
			d := float64(1-2*m)*from[axis] + 2*float64(room[axis])*size[axis] - to[axis]
			distance += d * d
			bounces += distanceOf(room[axis], m) + distanceOf(room[axis], 0)
		}
		distance = max(0.02, math.Sqrt(distance))
		at := (delay + distance/343) * SampleRate
		i := int(at)
		if i+1 >= len(h) {
			continue
		}
		level := math.Pow(reflects, float64(bounces)) / distance
		h[i] += level * (1 - (at - float64(i)))
		h[i+1] += level * (at - float64(i))
	}
}

func distanceOf(a, b int) int { return max(a-b, b-a) }
