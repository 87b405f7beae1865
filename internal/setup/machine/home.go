package machine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"doorstation/internal/discover"
	"doorstation/internal/homeassistant"
	"doorstation/internal/settings"
	"doorstation/internal/setup"
)

// searching is how long the network is searched: most answer within a tenth of a second, a sleeping Wi-Fi after two.
const searching = 4 * time.Second

// others is how long others are waited for when one was found.
const others = 1500 * time.Millisecond

// Home asks Home Assistant over the network.
type Home struct {
	// Hostname is that of this machine: tokens are named for it.
	Hostname string
	Log      *slog.Logger
}

var _ setup.Home = (*Home)(nil)

// Find implements setup.Home.
func (h *Home) Find(ctx context.Context) ([]setup.Place, error) {
	ctx, cancel := context.WithTimeout(ctx, searching)
	defer cancel()
	var keys []string
	found := map[string]discover.Instance{}
	err := discover.Find(ctx, discover.Options{Log: h.Log}, func(i discover.Instance) {
		time.AfterFunc(others, cancel) // whoever has not answered by then is asleep
		if _, known := found[i.Key]; !known {
			keys = append(keys, i.Key)
		}
		found[i.Key] = i
	})
	var places []setup.Place
	for _, key := range keys {
		i := found[key]
		places = append(places, setup.Place{Name: i.Name, URL: i.URLs[0], Others: i.URLs[1:], Version: i.Version})
	}
	return places, err
}

// trust is the TLS configuration for an address.
func trust(at setup.Address) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: at.SkipVerify} // the local file's wish, never setup's
	if at.Trust == nil {
		return c, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without a store of its own trusts these alone
	}
	if !pool.AppendCertsFromPEM(at.Trust) {
		return nil, settings.ErrNoCertificate
	}
	c.RootCAs = pool
	return c, nil
}

func (h *Home) client(at setup.Address, token string) (*homeassistant.Client, error) {
	conf, err := trust(at)
	if err != nil {
		return nil, err
	}
	return homeassistant.New(homeassistant.Options{URL: at.URL, Token: token, TLS: conf, Log: h.Log})
}

// ask makes a client, lets do use it, and says what went wrong in setup's terms.
func (h *Home) ask(at setup.Address, token string, do func(*homeassistant.Client) error) error {
	c, err := h.client(at, token)
	if err != nil {
		return err
	}
	defer c.Close()
	return translate(do(c))
}

// meaning is what an error of package homeassistant is to setup.
type meaning struct{ is, means error }

// translate finds the sentinel of setup for an error of package homeassistant; what is the same in both is looked for in order.
func translate(err error) error {
	if err == nil {
		return nil
	}
	for _, m := range []meaning{
		{homeassistant.ErrTLS, setup.ErrUntrusted},
		{homeassistant.ErrTokenRefused, setup.ErrTokenRefused},
		{homeassistant.ErrNotInstalled, setup.ErrNotInstalled},
		{homeassistant.ErrNotSetUp, setup.ErrNotSetUp},
		{homeassistant.ErrBadAnswer, setup.ErrNotHome},
		{homeassistant.ErrUnreachable, setup.ErrNoAnswer},
	} {
		if errors.Is(err, m.is) {
			return fmt.Errorf("%w (%w)", m.means, err)
		}
	}
	return err
}

// Reach implements setup.Home. Asking for the ways to log in needs no token, and does not count as a wrong one.
func (h *Home) Reach(ctx context.Context, at setup.Address) error {
	err := h.ask(at, "", func(c *homeassistant.Client) error {
		_, err := c.Providers(ctx)
		return err
	})
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("%w: no machine in this network is called %q", setup.ErrNoAnswer, dns.Name)
	case errors.Is(err, setup.ErrUntrusted) && !spoke(err):
		return fmt.Errorf("%w: it does not speak https there", setup.ErrNoAnswer)
	}
	return err
}

// spoke says whether the other side speaks TLS at all.
func spoke(err error) bool {
	var record tls.RecordHeaderError
	return !errors.As(err, &record) && !errors.Is(err, http.ErrSchemeMismatch)
}

// Certificates implements setup.Home.
func (h *Home) Certificates(ctx context.Context, at setup.Address) ([]*x509.Certificate, error) {
	u, err := url.Parse(at.URL)
	if err != nil {
		return nil, err
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	const limit = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// What is shown is only looked at, to be compared by a person: nothing is sent over this connection.
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	shown := slices.Clone(conn.(*tls.Conn).ConnectionState().PeerCertificates)
	return shown, conn.Close()
}

// User implements setup.Home.
func (h *Home) User(ctx context.Context, at setup.Address, token string) (setup.User, error) {
	var user setup.User
	err := h.ask(at, token, func(c *homeassistant.Client) error {
		u, err := c.CurrentUser(ctx)
		user = setup.User{ID: u.ID, Name: u.Name, Admin: u.IsAdmin || u.IsOwner}
		return err
	})
	return user, err
}

// SIPCore implements setup.Home.
func (h *Home) SIPCore(ctx context.Context, at setup.Address, token string) (settings.SIPCore, []settings.Problem, error) {
	var core settings.SIPCore
	var problems []settings.Problem
	err := h.ask(at, token, func(c *homeassistant.Client) error {
		raw, err := c.SIPCoreConfig(ctx)
		if err != nil {
			return err
		}
		core, problems, err = settings.ParseSIPCore(raw)
		return err
	})
	return core, problems, err
}

// Revoke implements setup.Home.
func (h *Home) Revoke(ctx context.Context, at setup.Address, token string) error {
	return h.ask(at, token, func(c *homeassistant.Client) error { return c.Revoke(ctx) })
}
