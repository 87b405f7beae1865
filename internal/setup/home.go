package setup

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

var errNoAddress = errors.New("that is no address; it looks like http://homeassistant.local:8123")

// homePort is Home Assistant's own.
const homePort = "8123"

// askHome finds out where Home Assistant is.
func (s *state) askHome(ctx context.Context) error {
	if s.at.Trust == nil {
		s.at.Trust = s.Given.Trust
		s.newTrust = s.Given.Trust != nil
	}
	if s.at.Trust == nil && s.exists {
		s.at.Trust = s.Files.Trust(s.local)
		s.at.SkipVerify = s.local.HomeAssistant.TLS.SkipVerify
	}
	if given := s.Given.HomeAssistant; given != "" {
		s.Given.HomeAssistant = "" // what was given and is wrong is asked for
		ok, err := s.typedAddress(ctx, given)
		if err != nil || ok {
			return err
		}
	}
	var places []Place
	if !s.Unattended || s.local.HomeAssistant.URL == "" {
		err := s.Person.Wait(ctx, "Looking for Home Assistant in your network…", "", func(ctx context.Context, _ func(string)) (err error) {
			places, err = s.Home.Find(ctx)
			return err
		})
		if ctx.Err() != nil || errors.Is(err, ErrStopped) {
			return ErrStopped
		}
		if err != nil {
			s.tell(Faint, "The network can't be searched: "+sentence(err))
		}
	}
	for {
		urls, err := s.pickPlace(ctx, places)
		if err != nil {
			return err
		}
		ok, err := s.tryAddresses(ctx, urls)
		if err != nil || ok {
			return err
		}
	}
}

// pickPlace lets one of the places be chosen, or another address be typed. It returns the addresses to try.
func (s *state) pickPlace(ctx context.Context, places []Place) ([]string, error) {
	var options []string
	var urls [][]string
	add := func(text string, all ...string) {
		if !slices.ContainsFunc(urls, func(known []string) bool { return known[0] == all[0] }) {
			options, urls = append(options, text), append(urls, all)
		}
	}
	if now := s.local.HomeAssistant.URL; s.exists && now != "" {
		add(now+"  (as it is now)", now)
	}
	for _, p := range places {
		all := append([]string{p.URL}, p.Others...)
		add(strings.TrimSpace(Clean(p.Name)+"  "+Clean(p.URL)+"  "+version(p.Version)), all...)
	}
	if len(urls) > 0 {
		def := 0
		// Anybody in the network can announce a Home Assistant, and the token goes where it is: a person sees the address.
		if s.Unattended && !s.exists {
			def = NoDefault
		}
		i, err := s.Person.Choose(ctx, Choice{
			Question: "Which Home Assistant is it?", Options: append(options, "Another one: I type its address"), Default: def,
			Flag: "--home-assistant URL",
		})
		if err != nil {
			return nil, err
		}
		if i < len(urls) {
			return urls[i], nil
		}
	} else {
		s.tell(Plain, "No Home Assistant was found by itself.")
	}
	typed, err := s.Person.Ask(ctx, Ask{
		Question: "The address of Home Assistant, as in the browser?",
		Check:    func(text string) error { _, err := addresses(text); return err },
		Flag:     "--home-assistant URL",
	})
	if err != nil {
		return nil, err
	}
	return addresses(typed)
}

func version(v string) string {
	if v = Clean(v); v != "" {
		return "(version " + v + ")"
	}
	return ""
}

// addresses are what a typed address may mean, the likeliest first: the rest of a page's address is left out, a missing scheme or port
// is tried.
func addresses(typed string) ([]string, error) {
	typed = strings.TrimSpace(typed)
	schemes := []string{"http", "https"}
	rest := typed
	if scheme, after, ok := strings.Cut(typed, "://"); ok {
		scheme = strings.ToLower(scheme)
		if !slices.Contains(schemes, scheme) {
			return nil, errNoAddress
		}
		schemes, rest = []string{scheme}, after
	}
	// A bare IPv6 address has colons that are no port.
	if ip := net.ParseIP(rest); ip != nil && strings.Contains(rest, ":") {
		rest = "[" + rest + "]"
	}
	var found []string
	for _, scheme := range schemes {
		u, err := url.Parse(scheme + "://" + rest)
		if err != nil || u.Hostname() == "" || strings.ContainsAny(u.Hostname(), " \t\"'<>") || u.User != nil {
			return nil, errNoAddress
		}
		if u.Port() == "" && rest == typed { // no scheme was typed
			found = append(found, scheme+"://"+u.Host+":"+homePort)
			if scheme == "https" {
				found = append(found, "https://"+u.Host)
			}
			continue
		}
		found = append(found, scheme+"://"+u.Host)
		if u.Port() == "" && scheme == "http" {
			found = append(found, "http://"+u.Host+":"+homePort)
		}
	}
	return found, nil
}

// typedAddress tries an address of the command line.
func (s *state) typedAddress(ctx context.Context, typed string) (bool, error) {
	all, err := addresses(typed)
	if err != nil {
		return false, s.failed(fmt.Errorf("%q: %w", Clean(typed), err))
	}
	return s.tryAddresses(ctx, all)
}

// tryAddresses asks at one address after the other, and settles what is to be trusted there. It says no when others are wanted.
func (s *state) tryAddresses(ctx context.Context, all []string) (bool, error) {
	var first error
	for _, candidate := range all {
		at := s.at
		at.URL = candidate
		err := s.Person.Wait(ctx, "Asking at "+Clean(candidate)+"…", "", func(ctx context.Context, _ func(string)) error {
			return s.Home.Reach(ctx, at)
		})
		if ctx.Err() != nil || errors.Is(err, ErrStopped) {
			return false, ErrStopped
		}
		if errors.Is(err, ErrUntrusted) {
			return s.untrusted(ctx, at, err)
		}
		if err == nil {
			s.settle(at)
			return true, nil
		}
		if first == nil || errors.Is(err, ErrNotHome) {
			first = err
		}
	}
	return false, s.failed(first)
}

// settle takes an address.
func (s *state) settle(at Address) {
	s.at = at
	s.local.HomeAssistant.URL = at.URL
	s.tell(Good, "Home Assistant answers at "+Clean(at.URL)+".")
}

// untrusted shows the certificate and lets the person decide. Nothing is trusted by itself.
func (s *state) untrusted(ctx context.Context, at Address, why error) (bool, error) {
	if s.Unattended {
		return false, fmt.Errorf("%w (give the file of its certificate authority with --ca-file)", why)
	}
	chain, err := s.Home.Certificates(ctx, at)
	if err != nil || len(chain) == 0 {
		return false, s.failed(why)
	}
	s.tell(Warning, "The connection is encrypted, but this machine does not know whether it leads to your Home Assistant: "+sentence(why))
	top := chain[len(chain)-1]
	u, err := url.Parse(at.URL)
	if err != nil {
		return false, s.failed(why)
	}
	if nameErr := chain[0].VerifyHostname(u.Hostname()); nameErr != nil {
		s.tell(Bad, fmt.Sprintf("The certificate is for %s, not for %s. Use the address that it is for.", Clean(list(chain[0].DNSNames)), Clean(u.Hostname())))
		return false, nil
	}
	s.tell(Plain, fmt.Sprintf("It shows a certificate of: %s\nissued by: %s\nvalid until: %s\nSHA-256: %s",
		Clean(chain[0].Subject.String()), Clean(chain[0].Issuer.String()), top.NotAfter.Format("2006-01-02"), fingerprint(top)))
	i, err := s.Person.Choose(ctx, Choice{
		Question: "What now?",
		Options: []string{
			"Another address",
			"I have compared the SHA-256 with Home Assistant's own certificate: trust it from now on",
		},
	})
	if err != nil || i == 0 {
		return false, err
	}
	at.Trust = append(slices.Clone(at.Trust), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: top.Raw})...)
	if err = s.Home.Reach(ctx, at); err != nil {
		return false, s.failed(err)
	}
	s.newTrust = true
	s.settle(at)
	return true, nil
}

// fingerprint is as browsers and openssl show it.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}
