package machine_test

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"

	"doorstation/internal/setup"
	"doorstation/internal/setup/machine"
	"doorstation/test/lab/homestub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// villa is a Home Assistant with a user for the door, whose second factor is 424242.
func villa() *homestub.Server {
	return homestub.New(homestub.Options{Accounts: []homestub.Account{{
		Username: "door", Password: "garden", User: homestub.User{ID: "abc", Name: "Front door"},
		Factors: []homestub.Factor{{ID: "totp", Name: "Authenticator app", Code: "424242"}},
	}}})
}

// further answers with these codes, one after the other.
type further struct{ codes []string }

func (f *further) Code(_ context.Context, _ string, _ bool) (string, error) {
	code := f.codes[0]
	f.codes = f.codes[1:]
	return code, nil
}

func (f *further) Which(context.Context, []string) (int, error) { return 0, nil }

// TestACertificateIsTrustedOnlyWhenSomebodySaysSo: an unknown one is told apart from no answer, and with what it shows it is taken.
func TestACertificateIsTrustedOnlyWhenSomebodySaysSo(t *testing.T) {
	stub := villa()
	defer stub.Close()
	server := httptest.NewTLSServer(stub)
	defer server.Close()
	home := &machine.Home{Hostname: "pi"}
	at := setup.Address{URL: server.URL}
	if err := home.Reach(t.Context(), at); !errors.Is(err, setup.ErrUntrusted) {
		t.Fatalf("an unknown authority: %v", err)
	}
	shown, err := home.Certificates(t.Context(), at)
	if err != nil || len(shown) == 0 {
		t.Fatalf("%v, %d certificates", err, len(shown))
	}
	at.Trust = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: shown[len(shown)-1].Raw})
	if err = home.Reach(t.Context(), at); err != nil {
		t.Errorf("trusted: %v", err)
	}
}

func TestWhoDoesNotAnswerIsToldApart(t *testing.T) {
	other := httptest.NewServer(nil)
	defer other.Close()
	home := &machine.Home{}
	for address, want := range map[string]error{
		other.URL: setup.ErrNotHome, "http://127.0.0.1:1": setup.ErrNoAnswer, "https" + other.URL[4:]: setup.ErrNoAnswer,
	} {
		if err := home.Reach(t.Context(), setup.Address{URL: address}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
}

// TestALoginMakesATokenThatCanBeTakenBack: a wrong code is asked for again; a wrong password is one.
func TestALoginMakesATokenThatCanBeTakenBack(t *testing.T) {
	stub := villa()
	defer stub.Close()
	server := httptest.NewServer(stub)
	defer server.Close()
	home, at := &machine.Home{Hostname: "pi"}, setup.Address{URL: server.URL}
	if _, err := home.Login(t.Context(), at, "door", "wrong", &further{}); !errors.Is(err, setup.ErrLoginRefused) {
		t.Errorf("a wrong password: %v", err)
	}
	made, err := home.Login(t.Context(), at, "door", "garden", &further{[]string{"000000", "424242"}})
	if err != nil {
		t.Fatal(err)
	}
	if user, userErr := home.User(t.Context(), at, made.Token); userErr != nil || user.Name != "Front door" || user.Admin {
		t.Errorf("%v: %+v", userErr, user)
	}
	if err = home.Revoke(t.Context(), at, made.Token); err != nil {
		t.Errorf("revoking: %v", err)
	}
	if _, err = home.User(t.Context(), at, made.Token); !errors.Is(err, setup.ErrTokenRefused) {
		t.Errorf("after that: %v", err)
	}
}
