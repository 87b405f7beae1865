package homestub

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// flow is a login that is under way.
type flow struct {
	id       string
	provider string
	clientID string
	redirect string
	step     string // "init", "select_mfa_module" or "mfa"
	account  Account
	factor   Factor
	wrong    int // codes
}

// form is one field of a step: a text, or one of some.
type form struct {
	Name     string      `json:"name"`
	Required bool        `json:"required"`
	Type     string      `json:"type"`
	Options  [][2]string `json:"options,omitempty"`
}

func normal(username string) string { return strings.ToLower(strings.TrimSpace(username)) }

// isClient says whether a client id is one (IndieAuth, 3.2): an address that is given by a number has to be one of a private network, or
// the one that was asked.
func isClient(id string, asked *http.Request) bool {
	c, err := url.Parse(id)
	if err != nil || c.Scheme != "http" && c.Scheme != "https" || c.Host == "" || c.Fragment != "" || c.User != nil {
		return false
	}
	a, err := netip.ParseAddr(c.Hostname())
	return err != nil || a.IsPrivate() || a.IsLoopback() || c.Host == asked.Host
}

// fromClient says whether a redirection is one that the client may ask for without a page that says so: of its own origin.
func fromClient(clientID, redirect string) bool {
	c, err := url.Parse(clientID)
	if err != nil {
		return false
	}
	r, err := url.Parse(redirect)
	return err == nil && r.Scheme == c.Scheme && r.Host == c.Host
}

// beginFlow makes a login and shows its first step.
func (s *Server) beginFlow(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		ClientID    string          `json:"client_id"`
		RedirectURI string          `json:"redirect_uri"`
		Handler     json.RawMessage `json:"handler"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		s.wrongMessage(w, http.StatusBadRequest, "Invalid JSON.")
		return
	}
	var handler []*string
	switch err := json.Unmarshal(asked.Handler, &handler); {
	case err != nil:
		s.wrongMessage(w, http.StatusBadRequest, "Message format incorrect: expected a list at 'handler'")
		return
	case !isClient(asked.ClientID, r):
		s.wrongMessage(w, http.StatusBadRequest, "Invalid client id")
		return
	}
	provider := ""
	if len(handler) == 2 && handler[0] != nil && handler[1] == nil {
		provider = *handler[0]
	}
	if provider != "homeassistant" && (provider != "trusted_networks" || !s.options().Trusted) {
		s.wrongMessage(w, http.StatusNotFound, "Invalid handler specified")
		return
	}
	f := &flow{id: randomHex(16), provider: provider, clientID: asked.ClientID, redirect: asked.RedirectURI, step: "init"}
	s.mu.Lock()
	s.flows[f.id] = f
	s.mu.Unlock()
	s.show(w, f, "")
}

// wrongMessage answers what counts as a wrong login, as each refusal of a login's does.
func (s *Server) wrongMessage(w http.ResponseWriter, status int, text string) {
	s.wrongLogin()
	message(w, status, text)
}

// show answers with the step a login is at.
func (s *Server) show(w http.ResponseWriter, f *flow, wrong string) {
	var placeholders map[string]string
	if f.step == "mfa" {
		placeholders = map[string]string{"mfa_module_name": f.factor.Name, "mfa_module_id": f.factor.ID}
	}
	errors := map[string]string{}
	if wrong != "" {
		errors["base"] = wrong
	}
	answer(w, http.StatusOK, map[string]any{
		"type": "form", "flow_id": f.id, "handler": []any{f.provider, nil}, "step_id": f.step, "data_schema": f.fields(s.options()),
		"errors": errors, "description_placeholders": placeholders, "last_step": nil, "preview": nil,
	})
}

// fields are those of the step a login is at.
func (f *flow) fields(o Options) []form {
	switch {
	case f.step == "init" && f.provider == "trusted_networks":
		users := form{Name: "user", Required: true, Type: "select"}
		for _, a := range o.Accounts {
			users.Options = append(users.Options, [2]string{a.User.ID, a.User.Name})
		}
		return []form{users}
	case f.step == "select_mfa_module":
		modules := form{Name: "multi_factor_auth_module", Required: true, Type: "select"}
		for _, m := range f.account.Factors {
			modules.Options = append(modules.Options, [2]string{m.ID, m.Name})
		}
		return []form{modules}
	case f.step == "mfa":
		return []form{{Name: "code", Required: true, Type: "string"}}
	default:
		return []form{{Name: "username", Required: true, Type: "string"}, {Name: "password", Required: true, Type: "string"}}
	}
}

// continueFlow takes what was filled in.
func (s *Server) continueFlow(w http.ResponseWriter, r *http.Request, id string) {
	var filled map[string]string
	if err := json.NewDecoder(r.Body).Decode(&filled); err != nil {
		s.wrongMessage(w, http.StatusBadRequest, "Invalid JSON.")
		return
	}
	if _, ok := filled["client_id"]; !ok {
		s.wrongMessage(w, http.StatusBadRequest, "Message format incorrect: required key not provided at 'client_id'")
		return
	}
	s.mu.Lock()
	f, ok := s.flows[id]
	s.mu.Unlock()
	if !ok {
		s.wrongMessage(w, http.StatusNotFound, "Invalid flow specified")
		return
	}
	for _, field := range f.fields(s.options()) {
		if _, there := filled[field.Name]; !there {
			s.wrongMessage(w, http.StatusBadRequest, "User input malformed")
			return
		}
	}
	switch {
	case f.step == "mfa":
		s.takeCode(w, f, filled["code"])
	case f.step == "select_mfa_module":
		i := slices.IndexFunc(f.account.Factors, func(m Factor) bool { return m.ID == filled["multi_factor_auth_module"] })
		if i < 0 {
			s.show(w, f, "invalid_auth_module")
			return
		}
		f.factor, f.step = f.account.Factors[i], "mfa"
		s.show(w, f, "")
	case f.provider == "trusted_networks":
		s.takeUser(w, f, filled["user"])
	default:
		s.takePassword(w, f, filled["username"], filled["password"])
	}
}

func (s *Server) takeUser(w http.ResponseWriter, f *flow, id string) {
	accounts := s.options().Accounts
	i := slices.IndexFunc(accounts, func(a Account) bool { return a.User.ID == id })
	if i < 0 {
		s.wrongMessage(w, http.StatusBadRequest, "User input malformed")
		return
	}
	f.account = accounts[i]
	s.finish(w, f)
}

func (s *Server) takePassword(w http.ResponseWriter, f *flow, username, password string) {
	a, ok := s.options().account(username)
	if !ok || !same(password, a.Password) {
		s.wrongLogin()
		s.show(w, f, "invalid_auth")
		return
	}
	f.account = a
	switch len(a.Factors) {
	case 0:
		s.finish(w, f)
		return
	case 1:
		f.factor, f.step = a.Factors[0], "mfa"
	default:
		f.step = "select_mfa_module"
	}
	s.show(w, f, "")
}

func (s *Server) takeCode(w http.ResponseWriter, f *flow, code string) {
	if same(strings.TrimSpace(code), f.factor.Code) {
		s.finish(w, f)
		return
	}
	if f.wrong++; f.wrong >= mostCodes { // the last one does not count as a wrong login
		s.endFlow(f.id)
		answer(w, http.StatusOK, map[string]any{
			"type": "abort", "flow_id": f.id, "handler": []any{f.provider, nil}, "reason": "too_many_retry", "description_placeholders": nil,
		})
		return
	}
	s.wrongLogin()
	s.show(w, f, "invalid_code")
}

// finish ends a login that is right.
func (s *Server) finish(w http.ResponseWriter, f *flow) {
	s.endFlow(f.id)
	if !fromClient(f.clientID, f.redirect) {
		s.wrongMessage(w, http.StatusForbidden, "Invalid redirect URI")
		return
	}
	if f.account.Blocked != "" {
		s.wrongMessage(w, http.StatusForbidden, "Login blocked: "+f.account.Blocked)
		return
	}
	code := randomHex(16)
	s.mu.Lock()
	s.codes[code] = authCode{clientID: f.clientID, user: f.account.User, made: time.Now()}
	s.wrong = 0
	s.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{
		"type": "create_entry", "flow_id": f.id, "handler": []any{f.provider, nil}, "description": nil,
		"description_placeholders": nil, "result": code,
	})
}

// endFlow says whether there was that one.
func (s *Server) endFlow(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, there := s.flows[id]
	delete(s.flows, id)
	return there
}

// DropFlows ends the logins that are under way, as a restart of Home Assistant or ten minutes of waiting do.
func (s *Server) DropFlows() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.flows)
}

// Flows is the number of logins that are under way.
func (s *Server) Flows() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.flows)
}

func (s *Server) abortFlow(w http.ResponseWriter, id string) {
	if !s.endFlow(id) {
		message(w, http.StatusNotFound, "Invalid flow specified")
		return
	}
	message(w, http.StatusOK, "Flow aborted")
}
