package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrNoToken says that there is no access token where one may be.
var ErrNoToken = errors.New("no Home Assistant access token: put it into a file named by home_assistant.token_file, " +
	"or hand it over as the systemd credential home_assistant_token or in the environment variable DOORSTATION_TOKEN")

const whereTokensGo = "put it into a file of its own, readable by the service alone, and name that file as home_assistant.token_file"

// The places a token may be besides token_file.
const (
	credentialsVariable = "CREDENTIALS_DIRECTORY" // set by systemd for LoadCredential=
	credentialName      = "home_assistant_token"
	tokenVariable       = "DOORSTATION_TOKEN"
)

// noCredential is what the unit sets a credential to whose file is missing: without it systemd would not start the service, and
// the bell would not even ring with the settings that were kept.
const noCredential = "none"

// maxToken is far more than an access token ever has, in bytes.
const maxToken = 16 << 10

// ReadToken returns the access token: from systemd's credential home_assistant_token, else from home_assistant.token_file,
// else from the environment variable DOORSTATION_TOKEN. It is ErrNoToken that there is none, and a wrapped ErrNoToken that
// the named file cannot be read or holds none. Errors never hold what was read.
func ReadToken(l Local, getenv func(string) string) (string, error) {
	if dir := getenv(credentialsVariable); dir != "" {
		file := filepath.Join(dir, credentialName)
		if _, err := os.Lstat(file); err == nil {
			token, readErr := readTokenFile(file)
			if readErr != nil || token != noCredential {
				return token, readErr
			}
		}
	}
	if l.HomeAssistant.TokenFile != "" {
		return readTokenFile(l.HomeAssistant.TokenFile)
	}
	if token := strings.TrimSpace(getenv(tokenVariable)); token != "" {
		return checkToken(token, tokenVariable)
	}
	return "", ErrNoToken
}

func readTokenFile(file string) (string, error) {
	data, err := readLimited(file, maxToken)
	if err != nil {
		return "", fmt.Errorf("%w (%s: %s)", ErrNoToken, file, reason(err))
	}
	token := strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff"))
	if token == "" {
		return "", fmt.Errorf("%w (%s is empty)", ErrNoToken, file)
	}
	return checkToken(token, file)
}

// checkToken refuses what cannot be sent in a header: a whole file of something else, most likely.
func checkToken(token, from string) (string, error) {
	if strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fmt.Errorf("%w (%s holds something else than one token)", ErrNoToken, from)
	}
	return token, nil
}

// TokenFileTooOpen says whether others than the owner of the token file may read it (any right of group or others). A file
// that is not there is not too open.
func TokenFileTooOpen(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o077 != 0
}

// looksLikeToken recognises Home Assistant's access tokens, which are JSON web tokens.
func looksLikeToken(s string) bool {
	return strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") >= 2
}
