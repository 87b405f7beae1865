package sip

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestRedirection(t *testing.T) {
	type step struct {
		target   string // of the INVITE that is answered
		status   int
		contacts []string
	}
	for name, c := range map[string]struct {
		steps []step
		want  int // status that Invite returns; 0: the call is up
	}{
		"to another extension": {[]step{
			{"sip:101@pbx.example", 302, []string{`"Study" <sip:102@PBX.example;transport=ws?Subject=x>`}},
			{"sip:102@PBX.example;transport=ws", 200, nil},
		}, 0},
		"the better contact first, then the others": {[]step{
			{"sip:101@pbx.example", 300, []string{"<sip:102@pbx.example>;q=0.2, <sip:103@pbx.example>;q=0.9", "sip:104@pbx.example;q=nonsense"}},
			{"sip:104@pbx.example", 486, nil},
			{"sip:103@pbx.example", 404, nil},
			{"sip:102@pbx.example", 200, nil},
		}, 0},
		"all of them refuse": {[]step{
			{"sip:101@pbx.example", 300, []string{"<sip:102@pbx.example>, <sip:103@pbx.example>"}},
			{"sip:102@pbx.example", 480, nil},
			{"sip:103@pbx.example", 486, nil},
		}, 486},
		"nobody wants it anywhere": {[]step{
			{"sip:101@pbx.example", 300, []string{"<sip:102@pbx.example>, <sip:103@pbx.example>"}},
			{"sip:102@pbx.example", 603, nil},
		}, 603},
		"elsewhere":         {[]step{{"sip:101@pbx.example", 302, []string{"<sip:101@evil.example>", "<tel:+49123>", "<sips:102@pbx.example>", "*"}}}, 302},
		"to other services": {[]step{{"sip:101@pbx.example", 380, []string{"<sip:102@pbx.example>"}}}, 380},
		"nowhere":           {[]step{{"sip:101@pbx.example", 302, nil}}, 302},
		"in a circle": {[]step{
			{"sip:101@pbx.example", 302, []string{"<sip:102@pbx.example>"}},
			{"sip:102@pbx.example", 302, []string{"<sip:101@pbx.example>", "<sip:102@pbx.example>"}},
		}, 302},
		"again and again": {[]step{
			{"sip:101@pbx.example", 302, []string{"<sip:1@pbx.example>"}},
			{"sip:1@pbx.example", 302, []string{"<sip:2@pbx.example>"}},
			{"sip:2@pbx.example", 302, []string{"<sip:3@pbx.example>"}},
			{"sip:3@pbx.example", 302, []string{"<sip:4@pbx.example>"}},
		}, 302},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, nil, func(t *testing.T, w *world) {
				l := w.registered()
				done := w.call(t.Context(), newWitness())
				callID := ""
				for i, s := range c.steps {
					far := l.invited()
					if callID == "" {
						callID = far.invite.CallID().Value()
					}
					if got := far.invite.Recipient.String(); got != s.target || far.invite.CallID().Value() != callID ||
						far.invite.To().Address.String() != "sip:101@pbx.example" || string(far.invite.Body()) != testOffer {
						t.Errorf("step %d, want %s:\n%s", i, s.target, far.invite)
					}
					if s.status == 200 {
						far.ok()
						l.next("ACK")
						break
					}
					var contacts []string
					for _, v := range s.contacts {
						contacts = append(contacts, "Contact: "+v)
					}
					l.send(response(far.invite, s.status, "Moved", far.tag, "", contacts...))
					l.next("ACK")
				}
				o := receive(t, done)
				var rejected *RejectedError
				if c.want == 0 && o.err != nil || c.want != 0 && (!errors.As(o.err, &rejected) || rejected.Status != c.want) {
					t.Errorf("Invite: %v, want %d", o.err, c.want)
				}
			})
		})
	}
}

// A PBX that names every extension there is gets no storm of calls.
func TestRedirectionToEverybody(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		done := w.call(t.Context(), newWitness())
		far := l.invited()
		var contacts []string
		for i := range 200 {
			contacts = append(contacts, fmt.Sprintf("Contact: <sip:%d@pbx.example>", i))
		}
		l.send(response(far.invite, 300, "Multiple Choices", far.tag, "", contacts...))
		l.next("ACK")
		for range maxContacts {
			l.invited().answer(404, "Not Found", "")
			l.next("ACK")
		}
		if o := receive(t, done); o.err == nil {
			t.Error("the call is up")
		}
		l.idle()
	})
}

func TestRedirectionWhenNobodyWaits(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		ctx, cancel := context.WithCancelCause(t.Context())
		done := w.call(ctx, newWitness())
		far := l.invited()
		cancel(errChanged)
		l.next("CANCEL")
		l.send(response(far.invite, 302, "Moved", far.tag, "", "Contact: <sip:102@pbx.example>"))
		l.next("ACK")
		if o := receive(t, done); !errors.Is(o.err, ErrCancelled) {
			t.Errorf("Invite: %v", o.err)
		}
		l.idle()
	})
}
