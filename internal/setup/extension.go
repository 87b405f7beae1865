package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"doorstation/internal/provision"
	"doorstation/internal/settings"
)

// askExtension reads SIP Core's settings and finds out which of its users the door is.
func (s *state) askExtension(ctx context.Context) error {
	if err := s.readCore(ctx); err != nil {
		return err
	}
	for {
		err := s.pickExtension(ctx)
		if err != nil {
			return err
		}
		ok, err := s.tryRegistration(ctx)
		if err != nil || ok {
			return err
		}
	}
}

// readCore reads SIP Core's settings, again and again until they are there.
func (s *state) readCore(ctx context.Context) error {
	for {
		err := s.lookAtCore(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || errors.Is(err, ErrStopped) {
			return ErrStopped
		}
		if failed := s.failed(err); failed != nil {
			return failed
		}
		if errors.Is(err, ErrNotInstalled) || errors.Is(err, ErrNotSetUp) {
			s.tell(Plain, "In Home Assistant: add SIP Core with HACS if it is not there, restart, then open Settings, Devices & services, "+
				"Add integration, SIP Core.")
		}
		if err = s.enter(ctx, "Press Enter when that is done."); err != nil {
			return err
		}
	}
}

func (s *state) lookAtCore(ctx context.Context) error {
	return s.Person.Wait(ctx, "Reading SIP Core's settings…", "", func(ctx context.Context, _ func(string)) error {
		core, problems, err := s.Home.SIPCore(ctx, s.at, s.token)
		if err != nil {
			return err
		}
		for _, p := range problems {
			s.tell(Warning, "SIP Core's settings: "+Clean(p.String()))
		}
		s.core = core
		return nil
	})
}

// enter waits until the person has done something.
func (s *state) enter(ctx context.Context, question string) error {
	_, err := s.Person.Ask(ctx, Ask{Question: question, Optional: true})
	return err
}

// belongs finds the SIP user that belongs to the token's user, as the door will find it.
func (s *state) belongs() (settings.User, bool) {
	for _, is := range []func(settings.User) bool{
		func(u settings.User) bool { return s.user.ID != "" && u.HAUsername == s.user.ID },
		func(u settings.User) bool { return s.user.Name != "" && u.HAUsername == s.user.Name },
	} {
		if i := slices.IndexFunc(s.core.Users, is); i >= 0 {
			return s.core.Users[i], true
		}
	}
	return settings.User{}, false
}

func (s *state) byExtension(extension string) (settings.User, bool) {
	i := slices.IndexFunc(s.core.Users, func(u settings.User) bool { return u.Extension == extension })
	if extension == "" || i < 0 {
		return settings.User{}, false
	}
	return s.core.Users[i], true
}

// pickExtension settles which SIP user the door is.
func (s *state) pickExtension(ctx context.Context) error {
	if given := s.Given.Extension; given != "" {
		s.Given.Extension = "" // what was given and is wrong is asked for
		if u, ok := s.byExtension(given); ok {
			s.take(u)
			return nil
		}
		if s.Unattended {
			if err := s.showNew(given); err != nil {
				return err
			}
			return fmt.Errorf("%w: %q", errNoSuchExtension, Clean(given))
		}
		return s.addExtension(ctx, given)
	}
	own, mine := s.belongs()
	def := s.unlessUnattended(len(s.core.Users))
	var options []string
	for i, u := range s.core.Users {
		text := describe(u)
		if mine && u.Extension == own.Extension {
			text += "  (belongs to the door's user)"
			def = i
		}
		options = append(options, text)
	}
	if u, ok := s.byExtension(s.local.SIP.Extension); ok {
		def = slices.IndexFunc(s.core.Users, func(other settings.User) bool { return other.Extension == u.Extension })
	}
	if s.Unattended && def != NoDefault {
		s.take(s.core.Users[def])
		return nil
	}
	i, err := s.Person.Choose(ctx, Choice{
		Question: "Which of SIP Core's users is the door? (One that nobody else uses: not that of a tablet.)",
		Options:  append(options, "A new one: I am shown what to add"), Default: def, Flag: "--extension NUMBER",
	})
	if err != nil {
		return err
	}
	if i == len(s.core.Users) {
		return s.addExtension(ctx, "")
	}
	u := s.core.Users[i]
	if u.HAUsername != "" && (!mine || u.Extension != own.Extension) {
		s.tell(Warning, fmt.Sprintf("SIP Core gives %s to Home Assistant's user %q. If somebody uses it, door and tablet take each other's calls.",
			Clean(u.Extension), Clean(u.HAUsername)))
		var yes bool
		if yes, err = s.confirm(ctx, "Use it all the same?", false); err != nil {
			return err
		}
		if !yes {
			return s.pickExtension(ctx)
		}
	}
	s.take(u)
	return nil
}

var errNoSuchExtension = errors.New("SIP Core has no user with this extension; above is what to add") //nolint:staticcheck // a name begins it

// take makes a SIP user the door's.
func (s *state) take(u settings.User) {
	s.own, s.haveOwn = u, true
	s.local.SIP.Extension = u.Extension
	if mine, ok := s.belongs(); ok && mine.Extension == u.Extension {
		s.local.SIP.Extension = "" // found by the token, also when its number changes
	}
	s.tell(Good, "The door is "+describe(u)+".")
}

// describe is a SIP user in a list.
func describe(u settings.User) string {
	if name := Clean(u.DisplayName); name != "" && name != u.Extension {
		return Clean(u.Extension) + "  " + name
	}
	if name := Clean(u.HAUsername); name != "" {
		return Clean(u.Extension) + "  " + name
	}
	return Clean(u.Extension)
}

var errExtension = errors.New("an extension is a number of 2 to 15 digits that no other user of SIP Core has")

// addExtension shows what to add for a new extension and waits until it is there.
func (s *state) addExtension(ctx context.Context, extension string) error {
	if extension == "" {
		var err error
		extension, err = s.Person.Ask(ctx, Ask{
			Question: "Which number shall the door have?", Default: provision.Free(s.core.Extensions()),
			Check: func(text string) error {
				_, numberErr := strconv.ParseUint(text, 10, 64)
				if _, taken := s.byExtension(text); numberErr != nil || taken || len(text) < 2 || len(text) > 15 {
					return errExtension
				}
				return nil
			},
		})
		if err != nil {
			return err
		}
	}
	if err := s.showNew(extension); err != nil {
		return err
	}
	for {
		i, err := s.Person.Choose(ctx, Choice{
			Question: "Press Enter when both are done.", Options: []string{"Done: look again", "Choose another user"},
		})
		if err != nil {
			return err
		}
		if i == 1 {
			return s.pickExtension(ctx)
		}
		if err = s.readCore(ctx); err != nil {
			return err
		}
		if u, ok := s.byExtension(extension); ok {
			s.take(u)
			return nil
		}
		s.tell(Warning, fmt.Sprintf("SIP Core has no user with the extension %s yet. Is the new text saved?", Clean(extension)))
	}
}

// showNew shows what to add to Asterisk and SIP Core for a new extension.
func (s *state) showNew(extension string) error {
	e := provision.Extension{Number: extension, Name: "Front door", Password: provision.Password()}
	stanza, err := provision.Stanza(e)
	if err != nil {
		return err
	}
	entry, err := provision.SIPCoreEntry(e, s.user.ID)
	if err != nil {
		return err
	}
	s.tell(Plain, "Two places need to know the new extension. The password was made up just now and is in both texts.\n\n"+
		"1. Asterisk. Open the file "+provision.StanzaFile+" (if it is not there: a copy of the one in the folder default beside it; without "+
		"the add-on, the pjsip.conf of your Asterisk). Add this at its end, and restart Asterisk:\n")
	s.tell(Copy, stanza)
	s.tell(Plain, "2. SIP Core. In Home Assistant open Settings, Devices & services, SIP Core, Configure. Add this to the list users:\n")
	s.tell(Copy, entry)
	return nil
}

// tryRegistration tries whether the PBX knows the door. It says no when another extension is wanted.
func (s *state) tryRegistration(ctx context.Context) (bool, error) {
	for {
		var found, remedy string
		err := s.Person.Wait(ctx, "Trying the extension at the telephone exchange…", "", func(ctx context.Context, _ func(string)) (err error) {
			found, remedy, err = s.Exchange.Register(ctx, s.local, s.at, s.token)
			return err
		})
		if ctx.Err() != nil || errors.Is(err, ErrStopped) {
			return false, ErrStopped
		}
		if err == nil {
			s.tell(Good, sentence(errors.New(found)))
			return true, nil
		}
		if s.Unattended {
			return false, err
		}
		s.tell(Bad, sentence(err))
		if remedy != "" {
			s.tell(Plain, CleanLines(remedy))
		}
		i, err := s.Person.Choose(ctx, Choice{
			Question: "What now?", Options: []string{"Try again", "Choose another user", "Go on: I mend it later"},
		})
		if err != nil || i > 0 {
			return i == 2, err
		}
		if err = s.readCore(ctx); err != nil {
			return false, err
		}
	}
}
