package setup

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// askToken sees to it that there is a token that Home Assistant accepts.
func (s *state) askToken(ctx context.Context) error {
	if s.Given.Token != "" {
		ok, err := s.tryToken(ctx, s.Given.Token)
		if err != nil {
			return err
		}
		if ok {
			s.newToken = true
			return nil
		}
	}
	kept := s.Files.Token(s.local)
	if kept != "" && s.before != "" && s.before != s.at.URL && !s.Unattended {
		show, err := s.confirm(ctx, fmt.Sprintf("The token that is there is for Home Assistant at %s. Is the one at %s the same, "+
			"moved to another address? (Only then is the token shown to it.)", Clean(s.before), Clean(s.at.URL)), false)
		if err != nil {
			return err
		}
		if !show {
			kept = ""
		}
	}
	if kept != "" {
		user, err := s.Home.User(ctx, s.at, kept)
		if err == nil {
			s.useToken(kept, user)
			s.newToken = false
			keep, confirmErr := s.confirm(ctx, fmt.Sprintf("The token of Home Assistant's user %q is there and works. Keep it?", Clean(user.Name)), true)
			if confirmErr != nil || keep {
				return confirmErr
			}
		} else if s.Unattended {
			return fmt.Errorf("the token that is there: %w", err)
		} else {
			s.tell(Warning, "The token that is there does not work: "+sentence(err))
		}
	}
	s.tell(Plain, "The door needs a user of its own in Home Assistant. If there is none yet: in Home Assistant open Settings, People, Users, "+
		"Add user. No administrator. Then come back here.")
	for {
		i, err := s.Person.Choose(ctx, Choice{
			Question: "How does the door get in?",
			Options: []string{
				"I type the name and the password of the door's user; setup makes a token",
				"I have a long-lived access token and paste it",
			},
			Default: s.unlessUnattended(0), Flag: "--token-file FILE",
		})
		if err != nil {
			return err
		}
		var ok bool
		if i == 0 {
			ok, err = s.logIn(ctx)
		} else {
			ok, err = s.pasteToken(ctx)
		}
		if err != nil || ok {
			return err
		}
	}
}

// unlessUnattended is a default that only a person may take.
func (s *state) unlessUnattended(i int) int {
	if s.Unattended {
		return NoDefault
	}
	return i
}

func (s *state) pasteToken(ctx context.Context) (bool, error) {
	token, err := s.Person.Ask(ctx, Ask{
		Question: "The token? (It is not shown.)", Secret: true, Flag: "--token-file FILE", Check: func(text string) error {
			if strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
				return errNoToken
			}
			return nil
		},
	})
	if err != nil {
		return false, err
	}
	ok, err := s.tryToken(ctx, token)
	s.newToken = s.newToken || ok
	return ok, err
}

var errNoToken = errors.New("that is no token: a token is one long word of letters, digits, dots and dashes")

// tryToken asks whose a token is.
func (s *state) tryToken(ctx context.Context, token string) (bool, error) {
	var user User
	err := s.Person.Wait(ctx, "Showing it to Home Assistant…", "", func(ctx context.Context, _ func(string)) (err error) {
		user, err = s.Home.User(ctx, s.at, token)
		return err
	})
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, ErrStopped) {
			return false, ErrStopped
		}
		return false, s.failed(err)
	}
	fits, err := s.rightUser(ctx, user)
	if err != nil || !fits {
		return false, err
	}
	s.useToken(token, user)
	return true, nil
}

// useToken takes a token.
func (s *state) useToken(token string, user User) { s.token, s.user = token, user }

// rightUser says whose token it is, and warns of one that can do more than the door needs.
func (s *state) rightUser(ctx context.Context, user User) (bool, error) {
	s.tell(Good, fmt.Sprintf("Home Assistant knows the door as the user %q.", Clean(user.Name)))
	if !user.Admin {
		return true, nil
	}
	s.tell(Warning, "This user is an administrator. Whoever steals the door's memory card could then do everything in your home. "+
		"Better is a user for the door alone, who is no administrator.")
	if s.Unattended {
		return true, nil
	}
	return s.confirm(ctx, "Use this one all the same?", false)
}

// logIn logs in with name and password, and makes a token.
func (s *state) logIn(ctx context.Context) (bool, error) {
	name, err := s.Person.Ask(ctx, Ask{Question: "The name that the door's user logs in with?"})
	if err != nil {
		return false, err
	}
	password, err := s.Person.Ask(ctx, Ask{Question: "The password? (It is not shown.)", Secret: true})
	if err != nil {
		return false, err
	}
	made, err := s.Home.Login(ctx, s.at, name, password, further{s.Person})
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, ErrStopped) {
			return false, ErrStopped
		}
		return false, s.failed(err)
	}
	s.revoke(ctx) // of an earlier login
	s.made, s.madeAt = made, s.at
	ok, err := s.tryToken(ctx, made.Token)
	if ok {
		s.newToken = true
		s.tell(Faint, fmt.Sprintf("Home Assistant lists the new token as %q in the user's profile, under Security.", Clean(made.Name)))
	}
	return ok, err
}

// further asks the person.
type further struct{ person Person }

// Code implements Further.
func (f further) Code(ctx context.Context, module string, again bool) (string, error) {
	if again {
		f.person.Tell(Bad, "That code was wrong.")
	}
	question := "The code of the second factor?"
	if module = Clean(module); module != "" {
		question += " (" + module + ")"
	}
	return f.person.Ask(ctx, Ask{Question: question, Secret: true})
}

// Which implements Further.
func (f further) Which(ctx context.Context, names []string) (int, error) {
	options := make([]string, len(names))
	for i, name := range names {
		options[i] = Clean(name)
	}
	return f.person.Choose(ctx, Choice{Question: "Which one?", Options: options})
}

// revoke deletes the token that a login made and nobody will use.
func (s *state) revoke(ctx context.Context) {
	if s.made.Token == "" {
		return
	}
	made := s.made
	s.made = Made{}
	if err := s.Home.Revoke(ctx, s.madeAt, made.Token); err != nil && !errors.Is(err, ErrTokenRefused) { // then it is gone
		s.tell(Warning, fmt.Sprintf("The token %q, which was made just now, could not be deleted: delete it in the user's profile in Home Assistant.",
			Clean(made.Name)))
	}
}
