package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// finish shows what will be written, writes it, checks the whole chain and starts the service.
func (s *state) finish(ctx context.Context, all []step) error {
	s.tell(Heading, fmt.Sprintf("%d of %d  Write it", len(all)+1, len(all)+1))
	for {
		if err := s.show(); err != nil {
			if s.DryRun {
				return err
			}
			if err = s.failed(err); err != nil {
				return err
			}
			if err = s.change(ctx, all); err != nil {
				return err
			}
			continue
		}
		if s.DryRun {
			s.tell(Plain, "Nothing was written.")
			return nil
		}
		again, err := s.agree(ctx, all)
		if err != nil {
			return err
		}
		if !again {
			break
		}
	}
	if err := s.write(ctx); err != nil {
		return err
	}
	return s.begin(ctx)
}

// show shows the local file, or what changes in it.
func (s *state) show() error {
	places := s.local
	tokenFile, caFile := s.Files.Places()
	if s.newToken {
		places.HomeAssistant.TokenFile = tokenFile
	}
	if s.newTrust {
		places.HomeAssistant.TLS.CAFile = caFile
	}
	s.local = places
	now, before, err := s.Files.Render(s.local)
	if err != nil {
		return fmt.Errorf("the local file: %w", err)
	}
	switch {
	case s.DryRun:
		s.tell(Copy, now)
	case s.Unattended: // what it prints is kept in some log, and the codes of the door are in the file
	case before == "":
		s.tell(Plain, "This will be the local file (with explanations and more keys, which are left out here):")
		s.tell(Copy, essence(now))
	case before == now:
		s.tell(Plain, "Nothing changes in the local file.")
	default:
		s.tell(Plain, "This changes in the local file:")
		for _, l := range diff(before, now) {
			s.tell(l.style, map[Style]string{Plain: "  ", Added: "+ ", Removed: "- "}[l.style]+l.text)
		}
	}
	return nil
}

// essence is what a person has answered of a local file's text: without comments, and without the groups that setup has nothing to do
// with.
func essence(text string) string {
	var lines []string
	ours := false
	for _, line := range strings.Split(text, "\n") {
		bare := strings.TrimSpace(line)
		if bare == "" || strings.HasPrefix(bare, "#") {
			continue
		}
		if !strings.HasPrefix(line, " ") {
			key, _, _ := strings.Cut(line, ":")
			ours = slices.Contains([]string{"home_assistant", "sip", "gpio", "buttons", "lock", "light", "call", "camera", "audio"}, key)
		}
		if ours {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// agree asks whether that is to be written; again says that a step was done anew.
func (s *state) agree(ctx context.Context, all []step) (again bool, err error) {
	options := []string{"Write it", "Change something", "Stop; nothing is written"}
	i, err := s.Person.Choose(ctx, Choice{Question: "Is that right?", Options: options})
	if err != nil {
		return false, err
	}
	switch i {
	case 0:
		return false, nil
	case 2:
		return false, ErrStopped
	}
	return true, s.change(ctx, all)
}

// change does a step anew.
func (s *state) change(ctx context.Context, all []step) error {
	names := make([]string, len(all))
	for k, step := range all {
		names[k] = step.title
	}
	i, err := s.Person.Choose(ctx, Choice{Question: "What?", Options: names, Default: NoDefault})
	if err != nil {
		return err
	}
	home := s.local.HomeAssistant.URL
	if err = s.do(ctx, all, i); err != nil || s.local.HomeAssistant.URL == home {
		return err
	}
	// Another Home Assistant has other users and other settings, and the token of the first one is none of its business.
	s.token, s.newToken = "", false
	for _, again := range []int{stepToken, stepExtension, stepPeople} {
		if err = s.do(ctx, all, again); err != nil {
			return err
		}
	}
	return nil
}

// write makes the token, if there is a login that is to make it, and writes all files.
func (s *state) write(ctx context.Context) error {
	w := Written{Local: s.local}
	if s.newTrust {
		w.Trust = s.at.Trust
	}
	if s.newToken {
		w.Token = s.token
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.made.Token != s.token {
		s.revoke(ctx) // of a login whose token was not taken
	}
	paths, err := s.Files.Write(w)
	if err != nil {
		return err
	}
	s.written = true
	s.exists, s.newToken, s.newTrust, s.made = true, false, false, Made{}
	s.tell(Good, "Written: "+list(paths)+".")
	return nil
}

// begin checks the chain and starts the service.
func (s *state) begin(ctx context.Context) error {
	now, err := s.Agent.State(ctx)
	if err != nil {
		return err
	}
	if err = s.check(ctx); err != nil {
		return err
	}
	if !now.Service {
		s.tell(Plain, "There is no service here that could be started. Start the door station with: doorstation run")
		return nil
	}
	if s.Unattended && !s.Given.Start {
		s.tell(Plain, "Start the door station with: sudo systemctl enable --now doorstation")
		return nil
	}
	if !s.Unattended {
		start, confirmErr := s.confirm(ctx, "Start the door station now, and whenever this machine starts?", true)
		if confirmErr != nil || !start {
			return confirmErr
		}
	}
	if err = s.Agent.Start(ctx, true); err != nil {
		return fmt.Errorf("the door station can't be started: %w", err)
	}
	s.stopped = false
	var found string
	err = s.Person.Wait(ctx, "Waiting until it is registered…", "", func(ctx context.Context, _ func(string)) (err error) {
		found, err = s.Agent.Registered(ctx)
		return err
	})
	if err != nil {
		return err
	}
	s.tell(Good, sentence(errors.New(found)))
	return s.testRing(ctx)
}

// check walks the whole chain. What it finds is told; it keeps nobody from starting the door, for a bell that rings without a picture
// is better than none.
func (s *state) check(ctx context.Context) error {
	s.tell(Heading, "Check of the whole chain")
	wrong, warnings, err := s.Checker.Check(ctx)
	switch {
	case err != nil:
		return err
	case wrong > 0:
		s.tell(Bad, "There are errors; see above what to do. Look again any time with: sudo doorstation check")
	case warnings > 0:
		s.tell(Warning, "It works as far as can be told, with warnings; see above.")
	default:
		s.tell(Good, "All is well.")
	}
	return nil
}

// testRing rings the household if the person wants it.
func (s *state) testRing(ctx context.Context) error {
	if s.Unattended {
		return nil
	}
	whom := strings.Join(flat(s.local.Buttons[0].Call), ", ")
	yes, err := s.confirm(ctx, "Ring "+Clean(whom)+" now, to see whether it works?", true)
	if err != nil || !yes {
		return err
	}
	if err = s.Agent.Ring(ctx); err != nil {
		s.tell(Bad, sentence(err))
		return nil
	}
	err = s.Person.Wait(ctx, "It rings.", "Enter: enough seen", s.Agent.Visit)
	if err != nil && !errors.Is(err, ErrSkipped) {
		return err
	}
	s.tell(Good, "That is all. The door station runs; see how it is with: sudo doorstation status")
	return nil
}
