package checkup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crypto/tls"
	"crypto/x509"

	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/test/house"
	"doorstation/test/lab"
	"doorstation/test/lab/homestub"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m, lab.PartAsterisk, lab.PartPopup)) }

// household is what a check looks at. Each of its parts can be broken and mended while the rest stands.
type household struct {
	t    *testing.T
	pbx  *lab.Asterisk
	home *homestub.Server
	// binary is doorstation.
	binary string
	// https: Home Assistant is served by TLS, by this certificate.
	https *tls.Certificate
	// url is the local file's, of Home Assistant; empty: where it is served.
	url string
	// token is what the token file holds; empty: there is none.
	token string
	// config is added to the local file. lines takes the place of all of it.
	config, lines string
	core          map[string]any
	// network is where the door and Home Assistant are; nil: the lab's own.
	network *lab.Network
	// through is a program that check is run by, such as one that takes rights away.
	through []string
	// ahead is by how much Home Assistant's clock differs.
	ahead atomic.Int64

	dir    string
	state  string
	server *httptest.Server
	addr   string
}

// open makes a household in which all is well, on an Asterisk that the tests share.
func open(t *testing.T, binary string, pbx *lab.Asterisk) *household {
	t.Helper()
	h := &household{t: t, binary: binary, pbx: pbx, token: house.Token, core: house.SIPCore(), dir: t.TempDir()}
	h.state = filepath.Join(h.dir, "state")
	target, err := url.Parse(pbx.HTTPURL())
	if err != nil {
		t.Fatal(err)
	}
	h.home = homestub.New(homestub.Options{
		Token: house.Token, User: homestub.User{ID: house.UserID, Name: house.UserName, IsAdmin: true}, SIPCore: h.core, PBX: target,
	})
	t.Cleanup(h.home.Close)
	h.serve()
	t.Cleanup(func() { h.server.Close() })
	return h
}

// serve serves Home Assistant, at the address that it had before.
func (h *household) serve() {
	h.t.Helper()
	addr := h.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := h.listen(addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.addr = l.Addr().String()
	h.server = &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(time.Duration(h.ahead.Load())).UTC().Format(http.TimeFormat))
		h.home.ServeHTTP(w, r)
	})}}
	if h.https != nil {
		h.server.TLS = &tls.Config{Certificates: []tls.Certificate{*h.https}}
		h.server.StartTLS()
		return
	}
	h.server.Start()
}

// listen listens where Home Assistant is.
func (h *household) listen(addr string) (l net.Listener, err error) {
	if h.network == nil {
		return net.Listen("tcp", addr)
	}
	err = h.network.Do(func() error {
		l, err = net.Listen("tcp", addr)
		return err
	})
	return l, err
}

// move takes the door and Home Assistant to a network of their own.
func (h *household) move(to *lab.Network) {
	h.t.Helper()
	h.network, h.addr = to, ""
	h.again()
}

// again serves Home Assistant anew, after https has changed.
func (h *household) again() {
	h.t.Helper()
	h.stop()
	h.serve()
}

func (h *household) stop() {
	h.server.CloseClientConnections()
	h.server.Close()
}

// set changes SIP Core's settings.
func (h *household) set(change func(core map[string]any)) {
	change(h.core)
	h.home.SetSIPCore(h.core)
}

// write writes the local file and the token file.
func (h *household) write() (config string) {
	h.t.Helper()
	token := filepath.Join(h.dir, "token")
	_ = os.Remove(token)
	if h.token != "" {
		h.put("token", h.token+"\n")
	}
	at := h.url
	if at == "" {
		at = "http://" + h.addr
		if h.https != nil {
			at = "https://" + h.addr
		}
	}
	text := h.lines
	if text == "" {
		text = fmt.Sprintf("home_assistant:\n  url: %s\n  token_file: %s\ngpio: simulated\nbuttons: [{name: Front door, pin: GPIO17, call: [\"101\"]}]\n"+
			"lock: {pin: GPIO27, codes: [%q]}\ncamera: {source: test}\naudio: {device: test}\nmonitor: {listen: none}\npage: {listen: none}\n", at, token, house.Code)
	}
	return h.put("config.yaml", text+h.config)
}

// put writes a file that nobody else may read.
func (h *household) put(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// network are the links that this suite is about; what the door is made of is looked at elsewhere.
const network = "files,token,integration,targets,outside"

// checkup runs doorstation check as a person does and returns its report and its exit status.
func (h *household) checkup(args ...string) (check.Report, int) {
	h.t.Helper()
	config := h.write()
	args = append([]string{"check", "--json", "--config", config, "--state-dir", h.state, "--socket", filepath.Join(h.dir, "control.sock")}, args...)
	var out, errs bytes.Buffer
	command := lab.Command{Path: h.binary, Args: args}
	if len(h.through) > 0 {
		command = lab.Command{Path: h.through[0], Args: slices.Concat(h.through[1:], []string{h.binary}, args)}
	}
	if h.network != nil {
		command = h.network.Command(command)
	}
	cmd := exec.CommandContext(h.t.Context(), command.Path, command.Args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		h.t.Fatal(err)
	}
	var report check.Report
	if err = json.Unmarshal(out.Bytes(), &report); err != nil {
		h.t.Fatalf("no report: %v\n%s\n%s", err, out.String(), errs.String())
	}
	for _, secret := range []string{house.Token, lab.Password} {
		if strings.Contains(out.String()+errs.String(), secret) {
			h.t.Errorf("it shows %s:\n%s%s", secret, out.String(), errs.String())
		}
	}
	h.t.Logf("check took %s", time.Since(began).Round(time.Millisecond))
	return report, cmd.ProcessState.ExitCode()
}

// assertWell fails when a report has anything that needs to be done.
func assertWell(t *testing.T, r check.Report) {
	t.Helper()
	for _, f := range r.Findings {
		if f.Outcome == check.Error || f.Outcome == check.Warning || f.Outcome == check.Skipped && f.Link != "faults" {
			t.Errorf("%s: %s: %s %s", f.Link, f.Outcome, f.Code, f.Found)
		}
	}
}

// assertTold fails unless a report names a fault at a link, with what to do about it and a page.
func assertTold(t *testing.T, r check.Report, link string, code health.Code) {
	t.Helper()
	i := slices.IndexFunc(r.Of(link), func(f check.Finding) bool { return f.Code == code })
	if i < 0 {
		text, err := json.MarshalIndent(r.Findings, "", " ")
		t.Fatalf("%s does not name %s (%v); the report:\n%s", link, code, err, text)
	}
	f := r.Of(link)[i]
	if f.Found == "" || f.Remedy == "" || f.Problem == "" || f.Docs == "" {
		t.Errorf("%s: %s is named and not explained: %+v", link, code, f)
	}
}

// lasting makes an authority whose certificates are good for longer than check warns of.
func lasting(t *testing.T) *lab.CA {
	t.Helper()
	ca := lab.NewCA(t)
	ca.Alter = until(90 * 24 * time.Hour)
	return ca
}

// until lets certificates end after a time, which may be in the past.
func until(d time.Duration) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.NotAfter = time.Now().Add(d)
		if d < 0 {
			c.NotBefore = c.NotAfter.Add(-24 * time.Hour)
		}
	}
}
