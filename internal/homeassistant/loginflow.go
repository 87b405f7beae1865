package homeassistant

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const flowPath = "/auth/login_flow"

// field is one of a form's. A value may be secret.
type field struct {
	name  string
	value []byte
}

// answer sends a form and reads the next step. What it made of the values is overwritten.
func (l *Login) answer(ctx context.Context, fields []field) (Step, error) {
	if l.flow == "" {
		return l.step, ErrLoginExpired
	}
	body := form(append(fields, field{"client_id", []byte(l.clientID)}))
	defer clear(body)
	return l.advance(ctx, flowPath+"/"+l.flow, body)
}

// form is a JSON object of texts. It is written by hand so that no other copy of a secret is left in memory than the one
// returned; what the network below makes of it is out of reach.
func form(fields []field) []byte {
	size := 2
	for _, f := range fields {
		size += len(f.name) + 6*len(f.value) + 6
	}
	b := bytes.NewBuffer(make([]byte, 0, size))
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + f.name + `":"`)
		for _, c := range bytes.ToValidUTF8(f.value, []byte("\ufffd")) {
			switch {
			case c == '"' || c == '\\':
				b.Write([]byte{'\\', c})
			case c < ' ':
				fmt.Fprintf(b, `\u%04x`, c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.Bytes()
}

// flowResult is how Home Assistant answers each step of a flow.
type flowResult struct {
	Type         string            `json:"type"`
	FlowID       string            `json:"flow_id"`
	StepID       string            `json:"step_id"`
	Errors       map[string]string `json:"errors"`
	Reason       string            `json:"reason"`
	Result       string            `json:"result"`
	Schema       []flowField       `json:"data_schema"`
	Placeholders map[string]string `json:"description_placeholders"`
}

// flowField is a field of a form. The choices of a "select" are pairs of id and name.
type flowField struct {
	Name    string      `json:"name"`
	Type    string      `json:"type"`
	Options [][2]string `json:"options"`
}

var idPattern = regexp.MustCompile(`^[0-9A-Za-z_-]+$`)

// isID accepts what ids and codes look like; they go into paths and forms.
func isID(s string) bool { return len(s) <= 200 && idPattern.MatchString(s) }

// advance posts to the flow and reads where that leads.
func (l *Login) advance(ctx context.Context, path string, body []byte) (Step, error) {
	got, err := l.c.send(ctx, http.MethodPost, path, body, "application/json")
	if err != nil {
		return l.step, err
	}
	if got.status != http.StatusOK {
		if got.status == http.StatusNotFound && l.flow != "" {
			l.flow = ""
			return l.step, ErrLoginExpired
		}
		return l.step, loginRefusal(got)
	}
	var r flowResult
	if err = got.json(flowPath); err != nil {
		return l.step, err
	}
	if err = json.Unmarshal(got.body, &r); err != nil {
		return l.step, bad("the login's next step is of another form than expected")
	}
	return l.take(r)
}

// take reads one answer of the flow.
func (l *Login) take(r flowResult) (Step, error) {
	switch r.Type {
	case "create_entry":
		if !isID(r.Result) {
			return l.step, bad("the login ends without an authorization code")
		}
		l.code, l.step = r.Result, Step{Kind: StepDone}
		return l.step, nil
	case "abort":
		l.flow = ""
		return l.step, aborted(r.Reason)
	case "form":
	default:
		return l.step, fmt.Errorf("%w: it wants a step that a terminal cannot do", ErrNoPasswordLogin)
	}
	if !isID(r.FlowID) {
		return l.step, bad("the login has no flow_id")
	}
	l.flow = r.FlowID
	step, ok := formStep(r)
	if !ok {
		return l.step, fmt.Errorf("%w: it wants %q", ErrNoPasswordLogin, printable(r.StepID))
	}
	l.step = step
	switch wrong := r.Errors["base"]; wrong {
	case "":
		return step, nil
	case "invalid_auth":
		return step, ErrWrongPassword
	case "invalid_code":
		return step, ErrWrongCode
	default:
		return step, fmt.Errorf("%w: %s", ErrLoginBlocked, printable(wrong))
	}
}

// formStep says which step a form is: by its fields where its name does not tell, as each provider has an "init" of its own.
func formStep(r flowResult) (Step, bool) {
	has := func(name string) *flowField {
		for i := range r.Schema {
			if r.Schema[i].Name == name {
				return &r.Schema[i]
			}
		}
		return nil
	}
	switch {
	case r.StepID == "mfa" || has("code") != nil:
		return Step{Kind: StepCode, Module: printable(r.Placeholders["mfa_module_name"])}, true
	case has("multi_factor_auth_module") != nil:
		return Step{Kind: StepModule, Choices: choices(has("multi_factor_auth_module"))}, true
	case has("password") != nil && has("username") != nil:
		return Step{Kind: StepPassword}, true
	case has("user") != nil:
		return Step{Kind: StepUser, Choices: choices(has("user"))}, true
	default:
		return Step{}, false
	}
}

// maxChoices bounds what is read of a list of choices.
const maxChoices = 100

func choices(f *flowField) []Choice {
	var all []Choice
	for _, o := range f.Options[:min(len(f.Options), maxChoices)] {
		all = append(all, Choice{ID: o[0], Name: printable(o[1])})
	}
	return all
}

// aborted says why a flow has ended.
func aborted(reason string) error {
	switch reason {
	case "too_many_retry":
		return ErrTooManyCodes
	case "login_expired":
		return ErrLoginExpired
	case "not_allowed":
		return fmt.Errorf("%w: not from this machine's network", ErrLoginBlocked)
	default:
		return fmt.Errorf("%w: %s", ErrLoginBlocked, printable(reason))
	}
}

// loginRefusal turns the status of an answer below /auth that is no success into an error.
func loginRefusal(got answer) error {
	var said struct {
		Message string `json:"message"`
		Code    string `json:"code"`
	}
	if err := json.Unmarshal(got.body, &said); err != nil {
		said.Message = "" // an answer in other words
	}
	switch {
	case said.Code == "onboarding_required":
		return ErrNotOnboarded
	case got.status == http.StatusForbidden && strings.HasPrefix(said.Message, "Login blocked"):
		_, why, _ := strings.Cut(said.Message, ":")
		return fmt.Errorf("%w: %s", ErrLoginBlocked, printable(why))
	case got.status == http.StatusForbidden && said.Message == "":
		return ErrBanned
	case got.status == http.StatusNotFound && !got.page:
		return bad("it knows no %s: something else than Home Assistant answers", "/auth")
	case got.status == http.StatusBadRequest && said.Message != "":
		return fmt.Errorf("%w: %s", ErrLoginBlocked, printable(said.Message))
	case got.status == http.StatusForbidden:
		return fmt.Errorf("%w: %s", ErrLoginBlocked, printable(said.Message))
	default:
		return got.refusal()
	}
}

// printable takes out of a stranger's text what would disturb a terminal, and cuts it to a line.
func printable(s string) string {
	const longest = 120
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s))
	if runes := []rune(s); len(runes) > longest {
		s = string(runes[:longest]) + "…"
	}
	return s
}
