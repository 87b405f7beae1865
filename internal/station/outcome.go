package station

// Outcome is how a visit ended.
type Outcome string

const (
	// OutcomeTalked: somebody answered, and either side hung up or the talk limit passed.
	OutcomeTalked Outcome = "talked"
	// OutcomeNoAnswer: it rang until the ring limit, or a phone gave up.
	OutcomeNoAnswer Outcome = "no_answer"
	// OutcomeBusy: everybody who could be reached was busy.
	OutcomeBusy Outcome = "busy"
	// OutcomeDeclined: somebody refused the call.
	OutcomeDeclined Outcome = "declined"
	// OutcomeNotRegistered: no phone of a target is registered.
	OutcomeNotRegistered Outcome = "not_registered"
	// OutcomeUnreachable: the PBX or the target did not react.
	OutcomeUnreachable Outcome = "unreachable"
	// OutcomeOffline: the door itself is not registered.
	OutcomeOffline Outcome = "offline"
	// OutcomeStopped: the agent ended during the visit.
	OutcomeStopped Outcome = "stopped"
	// OutcomeFailed: anything else.
	OutcomeFailed Outcome = "failed"
	// OutcomeCancelled: the call was given up before an answer.
	OutcomeCancelled Outcome = "cancelled"
)

// Tone is what the visitor hears.
type Tone string

const (
	// ToneRinging goes on until it is stopped: the household is being called.
	ToneRinging Tone = "ringing"
	// ToneBusy says that nobody can talk now.
	ToneBusy Tone = "busy"
	// ToneNobody says that nobody answered.
	ToneNobody Tone = "nobody"
	// ToneFault says that the bell or the lock does not work.
	ToneFault Tone = "fault"
	// ToneOpened says that the door can be pushed now.
	ToneOpened Tone = "opened"
	// ToneEnded says that the conversation is over.
	ToneEnded Tone = "ended"
)

// outcomeRow is what there is to know about an outcome.
type outcomeRow struct {
	outcome Outcome
	tone    Tone
}

// outcomes is the one table of outcomes. Its order is what the targets of a group weigh against each other, heaviest first:
// whoever is busy is at home, a phone that is not registered says nothing about the household.
func outcomes() []outcomeRow {
	return []outcomeRow{
		{OutcomeTalked, ToneEnded},
		{OutcomeStopped, ToneEnded},
		{OutcomeBusy, ToneBusy},
		{OutcomeDeclined, ToneBusy},
		{OutcomeNoAnswer, ToneNobody},
		{OutcomeFailed, ToneFault},
		{OutcomeUnreachable, ToneFault},
		{OutcomeNotRegistered, ToneNobody},
		{OutcomeOffline, ToneFault},
		{OutcomeCancelled, ToneEnded},
	}
}

// Tone is what the visitor hears at the end of such a visit.
func (o Outcome) Tone() Tone {
	for _, row := range outcomes() {
		if row.outcome == o {
			return row.tone
		}
	}
	return ToneFault
}

// tellsWhy says whether the phone's outcome explains why nobody answered within the ring limit.
func (o Outcome) tellsWhy() bool {
	switch o {
	case OutcomeBusy, OutcomeDeclined, OutcomeNotRegistered, OutcomeUnreachable, OutcomeOffline:
		return true
	default:
		return false
	}
}

// known tells whether o stands in the table.
func (o Outcome) known() bool {
	for _, row := range outcomes() {
		if row.outcome == o {
			return true
		}
	}
	return false
}

// Combine is the outcome of a group of targets none of which was talked to, from the outcomes of each: what the strongest
// one says to the visitor. An outcome that is not in the table counts as failed; no outcomes at all are a failure, too.
func Combine(each []Outcome) Outcome {
	given := make(map[Outcome]bool, len(each))
	for _, o := range each {
		if !o.known() {
			o = OutcomeFailed
		}
		given[o] = true
	}
	for _, row := range outcomes() { // heaviest first
		if given[row.outcome] {
			return row.outcome
		}
	}
	return OutcomeFailed
}
