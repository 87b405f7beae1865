package monitor

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"doorstation/internal/control"
)

// metric is one figure: its name without the prefix, what it means, and how it is read from a status. Labels besides the fixed
// ones are those of its values.
type metric struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	read       func(s control.Status) []sample
}

// sample is one value with the values of its labels.
type sample struct {
	value  float64
	labels []string
}

func one(v float64) []sample { return []sample{{value: v}} }

func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// when is a point in time as Prometheus has it; one that is not known has no sample.
func when(t *time.Time) []sample {
	if t == nil {
		return nil
	}
	return one(float64(t.UnixMilli()) / 1000)
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// visitStates are the states of a visit (control.Visit).
func visitStates() []string { return []string{"idle", "calling", "ringing", "talking", "ending"} }

// metrics is every figure of the station. The names are kept: dashboards and alarms are written against them.
func metrics() []metric {
	return []metric{
		{"info", "Always 1; the version is in the label.", gauge, []string{"version"}, func(s control.Status) []sample {
			return []sample{{1, []string{s.Version}}}
		}},
		{"ready", "1 when the door is registered and no fault of severity error stands.", gauge, nil, func(s control.Status) []sample {
			return one(yes(len(NotReady(s)) == 0))
		}},
		{"registered", "1 while the door is registered at the PBX.", gauge, nil, func(s control.Status) []sample {
			return one(yes(s.Registration.State == registered))
		}},
		{"registration_expires_timestamp_seconds", "When the registration ends unless it is refreshed.", gauge, nil, func(s control.Status) []sample {
			return when(s.Registration.Expires)
		}},
		{"settings_fetched_timestamp_seconds", "When Home Assistant last gave or confirmed the settings.", gauge, nil, func(s control.Status) []sample {
			return when(s.Settings.Fetched)
		}},
		{"fault", "1 for each fault that stands.", gauge, []string{"code", "severity"}, func(s control.Status) []sample {
			var out []sample
			for _, f := range s.Faults {
				out = append(out, sample{1, []string{f.Code, f.Severity}})
			}
			return out
		}},
		{"visit_state", "1 for the state that the visit is in.", gauge, []string{"state"}, func(s control.Status) []sample {
			var out []sample
			for _, state := range visitStates() {
				out = append(out, sample{yes(s.Visit.State == state), []string{state}})
			}
			return out
		}},
		{"visits_total", "Presses of the bell that became a visit.", counter, nil, func(s control.Status) []sample {
			return one(float64(s.Calls.Visits))
		}},
		{"visits_answered_total", "Visits that somebody answered.", counter, nil, func(s control.Status) []sample {
			return one(float64(s.Calls.Answered))
		}},
		{"presses_ignored_total", "Presses during a visit, which began none.", counter, nil, func(s control.Status) []sample {
			return one(float64(s.Calls.IgnoredPresses))
		}},
		{"looks_total", "Calls to the door that were answered.", counter, nil, func(s control.Status) []sample {
			return one(float64(s.Calls.Looks))
		}},
		{"callers_refused_total", "Calls to the door by somebody who may not call it.", counter, nil, func(s control.Status) []sample {
			return one(float64(s.Calls.RefusedCallers))
		}},
		{"lock_openings_total", "Times the lock was opened.", counter, nil, func(s control.Status) []sample {
			return one(float64(s.GPIO.LockOpenings))
		}},
		{"lock_energised", "1 while the lock is energised.", gauge, nil, func(s control.Status) []sample {
			return one(yes(s.GPIO.Lock == "on"))
		}},
		{"camera_running", "1 while the camera delivers.", gauge, nil, func(s control.Status) []sample {
			return one(yes(s.Camera.State == "running"))
		}},
		{"camera_frames_total", "Pictures that came from the camera.", counter, nil, func(s control.Status) []sample {
			return one(float64(s.Camera.Frames))
		}},
		{"camera_key_frames_total", "Pictures among them with which decoding can begin.", counter, nil, func(s control.Status) []sample {
			return one(float64(s.Camera.KeyFrames))
		}},
		{"camera_viewers", "Calls and status pages that take the camera's pictures now.", gauge, nil, func(s control.Status) []sample {
			return one(float64(s.Camera.Readers))
		}},
		{"camera_target_bytes_per_second", "The rate asked of the camera's encoder.", gauge, nil, func(s control.Status) []sample {
			return one(float64(s.Camera.Bitrate) / 8)
		}},
		{"sound_running", "1 while the sound device runs.", gauge, nil, func(s control.Status) []sample {
			return one(yes(s.Sound.State == "running"))
		}},
		{"warm_offers_ready", "Calls that can begin without waiting.", gauge, nil, func(s control.Status) []sample {
			return one(float64(s.WarmOffers.Ready))
		}},
		{"warm_offers_wanted", "How many there should be.", gauge, nil, func(s control.Status) []sample {
			return one(float64(s.WarmOffers.Want))
		}},
	}
}

const prefix = "doorstation_"

// collector reads the station at each scrape.
type collector struct{ station Station }

func (m metric) desc() *prometheus.Desc {
	return prometheus.NewDesc(prefix+m.name, m.help, m.labels, nil)
}

// alive is the one figure that is not in the status.
func alive() *prometheus.Desc {
	return prometheus.NewDesc(prefix+"alive", "1 while every loop of the agent answers.", nil, nil)
}

// Describe implements [prometheus.Collector].
func (collector) Describe(out chan<- *prometheus.Desc) {
	out <- alive()
	for _, m := range metrics() {
		out <- m.desc()
	}
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(alive(), gauge, yes(c.station.Alive() == nil))
	status := c.station.Status()
	for _, m := range metrics() {
		for _, v := range m.read(status) {
			sent, err := prometheus.NewConstMetric(m.desc(), m.kind, v.value, v.labels...)
			if err != nil {
				sent = prometheus.NewInvalidMetric(m.desc(), err)
			}
			out <- sent
		}
	}
}
