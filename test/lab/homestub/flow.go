package homestub

import (
	"encoding/json"
	"net/http"
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

// fromClient says whether a redirection is one that the client may ask for without a page that says so: of its own origin.
func fromClient(clientID, redirect string) bool {
	c, err := url.Parse(clientID)
	if err != nil || c.Scheme != "http" && c.Scheme != "https" || c.Host == "" || c.Fragment != "" || c.User != nil {
		return false
	}
	r, err := url.Parse(redirect)
	return err == nil && r.Scheme == c.Scheme && r.Host == c.Host
}

// beginFlow makes a login and shows its first step.
func (s *Server) beginFlow(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		ClientID    string    `json:"client_id"`
		RedirectURI string    `json:"redirect_uri"`
		Handler     []*string `json:"handler"`
	}
	switch err := json.NewDecoder(r.Body).Decode(&asked); {
	case err != nil || len(asked.Handler) != 2 || asked.Handler[0] == nil:
		message(w, http.StatusBadRequest, "Message format incorrect")
		return
	case !fromClient(asked.ClientID, asked.RedirectURI):
		message(w, http.StatusBadRequest, "Invalid client id")
		return
	}
	provider := *asked.Handler[0]
	if provider != "homeassistant" && (provider != "trusted_networks" || !s.options().Trusted) {
		message(w, http.StatusNotFound, "Invalid handler specified")
		return
	}
	f := &flow{id: randomHex(16), provider: provider, clientID: asked.ClientID, step: "init"}
	s.mu.Lock()
	s.flows[f.id] = f
	s.mu.Unlock()
	s.show(w, f, "")
}

// show answers with the step a login is at.
func (s *Server) show(w http.ResponseWriter, f *flow, wrong string) {
	fields := []form{{Name: "username", Required: true, Type: "string"}, {Name: "password", Required: true, Type: "string"}}
	placeholders := map[string]string{}
	switch {
	case f.step == "init" && f.provider == "trusted_networks":
		users := form{Name: "user", Required: true, Type: "select"}
		for _, a := range s.options().Accounts {
			users.Options = append(users.Options, [2]string{a.User.ID, a.User.Name})
		}
		fields = []form{users}
	case f.step == "select_mfa_module":
		modules := form{Name: "multi_factor_auth_module", Required: true, Type: "select"}
		for _, m := range f.account.Factors {
			modules.Options = append(modules.Options, [2]string{m.ID, m.Name})
		}
		fields = []form{modules}
	case f.step == "mfa":
		fields = []form{{Name: "code", Required: true, Type: "string"}}
		placeholders = map[string]string{"mfa_module_name": f.factor.Name, "mfa_module_id": f.factor.ID}
	}
	errors := map[string]string{}
	if wrong != "" {
		errors["base"] = wrong
	}
	answer(w, http.StatusOK, map[string]any{
		"type": "form", "flow_id": f.id, "handler": []any{f.provider, nil}, "step_id": f.step, "data_schema": fields,
		"errors": errors, "description_placeholders": placeholders, "last_step": nil, "preview": nil,
	})
}

// continueFlow takes what was filled in.
func (s *Server) continueFlow(w http.ResponseWriter, r *http.Request, id string) {
	var filled map[string]string
	if err := json.NewDecoder(r.Body).Decode(&filled); err != nil || filled["client_id"] == "" {
		message(w, http.StatusBadRequest, "Message format incorrect")
		return
	}
	s.mu.Lock()
	f, ok := s.flows[id]
	s.mu.Unlock()
	if !ok {
		message(w, http.StatusNotFound, "Invalid flow specified")
		return
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
		message(w, http.StatusBadRequest, "User input malformed")
		return
	}
	f.account = accounts[i]
	s.finish(w, f)
}

func (s *Server) takePassword(w http.ResponseWriter, f *flow, username, password string) {
	a, ok := s.options().account(username)
	if !ok || !same(password, a.Password) {
		s.mu.Lock()
		s.wrong++
		s.mu.Unlock()
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
	s.mu.Lock()
	s.wrong++
	s.mu.Unlock()
	if f.wrong++; f.wrong >= mostCodes {
		s.endFlow(f.id)
		answer(w, http.StatusOK, map[string]any{
			"type": "abort", "flow_id": f.id, "handler": []any{f.provider, nil}, "reason": "too_many_retry", "description_placeholders": nil,
		})
		return
	}
	s.show(w, f, "invalid_code")
}

// finish ends a login that is right.
func (s *Server) finish(w http.ResponseWriter, f *flow) {
	s.endFlow(f.id)
	if f.account.Blocked != "" {
		message(w, http.StatusForbidden, "Login blocked: "+f.account.Blocked)
		return
	}
	code := randomHex(16)
	s.mu.Lock()
	s.codes[code] = authCode{clientID: f.clientID, user: f.account.User, made: time.Now()}
	s.wrong = 0
	s.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{
		"type": "create_entry", "flow_id": f.id, "handler": []any{f.provider, nil}, "title": "Home Assistant Local", "version": 1,
		"minor_version": 1, "description": nil, "description_placeholders": nil, "result": code,
	})
}

func (s *Server) endFlow(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flows, id)
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
	s.endFlow(id)
	message(w, http.StatusOK, "Flow aborted")
}
