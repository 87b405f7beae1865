package gpio

import "sync"

// inputState is what status tells of a line that is read.
type inputState struct {
	mu sync.Mutex
	InputState
}

// InputState is a button or an input at one moment.
type InputState struct {
	Name string
	// Level is on while it is pressed or active, off, or fault while it cannot be read.
	Level Level
	// Presses of a button, and glitches: what was too short for one.
	Presses, Glitches int
	// Edges is "proven" when an edge was made at the start and arrived, "unproven" when none could be made without a finger, and
	// "polled" when none arrives.
	Edges string
}

// String is the proof in the words of status.
func (p proof) String() string {
	switch p {
	case proofGiven:
		return "proven"
	case proofFailed:
		return "polled"
	default:
		return "unproven"
	}
}

func (s *inputState) set(l Level) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Level = l
}

func (s *inputState) proven(p proof) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Edges = p.String()
}

func (s *inputState) watched(down bool, presses, glitches int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Level = LevelOff
	if down {
		s.Level = LevelOn
	}
	s.Presses, s.Glitches = presses, glitches
}

func (s *inputState) get() InputState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.InputState
}
