package settings

import (
	"fmt"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

func (r *reader) audio(n ast.Node, a *Audio) {
	r.mapping(n, "audio", keys{
		"device": func(n ast.Node) {
			a.Device = r.text(n, "default, test, none or the name of a sound device", func(s string) bool { return s != "" && isPrintable(s) })
		},
		"echo_cancellation": func(n ast.Node) { a.EchoCancellation = r.boolean(n) },
		"noise_suppression": func(n ast.Node) { a.NoiseSuppression = r.boolean(n) },
		"microphone_gain":   func(n ast.Node) { a.AutoGain, a.GainDB = r.gain(n) },
		"volume":            func(n ast.Node) { a.Volume = r.integer(n, 0, 100, 1) },
		"tone_volume":       func(n ast.Node) { a.ToneVolume = r.integer(n, 0, 100, 1) },
		"tones":             func(n ast.Node) { a.Tones = r.tones(n) },
	})
}

// The limits of a fixed gain in dB.
const gainLeast, gainMost = -20, 30

// gain reads "auto" or a number of dB.
func (r *reader) gain(n ast.Node) (auto bool, db int) {
	what := fmt.Sprintf("auto, or a whole number of dB from %d to %d", gainLeast, gainMost)
	text, ok := r.scalar(n, what)
	if !ok || text == "auto" {
		return ok, 0
	}
	db, err := strconv.Atoi(text)
	if err != nil || db < gainLeast || db > gainMost {
		r.expected(n, what)
		return false, 0
	}
	return false, db
}

// tones reads which files are played in place of which tones.
func (r *reader) tones(n ast.Node) map[string]string {
	files, readers := map[string]string{}, keys{}
	for _, name := range ToneNames() {
		readers[name] = func(n ast.Node) {
			files[name] = r.text(n, "the path of a WAV file", func(s string) bool { return s != "" })
		}
	}
	r.mapping(n, "the tones", readers)
	return files
}
