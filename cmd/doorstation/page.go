package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"doorstation/internal/page"
	"doorstation/internal/settings"
)

// pagePasswordFile is what the packaged unit hands over as the credential page_password.
const pagePasswordFile = "/etc/doorstation/page_password"

type pageCmd struct {
	Password pagePasswordCmd `cmd:"" help:"Ask for the page's password, without showing it, and keep it hashed."`
}

type pagePasswordCmd struct {
	configFlag
	File string `help:"The file of the hashed password (default: page.password_file of the local file, else /etc/doorstation/page_password)." placeholder:"FILE"`
}

// Run asks for the password.
func (c *pagePasswordCmd) Run(e *env) error {
	file, named, err := c.passwordFile()
	if err != nil {
		return err
	}
	text, err := askTwice(e, "password")
	if err != nil {
		return err
	}
	password, err := page.NewPassword(text)
	if err != nil {
		return err
	}
	if _, err = os.Stat(filepath.Dir(file)); err != nil {
		return err
	}
	if err = settings.ReplaceFile(file, []byte(password.Line())); err != nil {
		return err
	}
	if _, err = fmt.Fprintf(e.stdout, "%s holds the password, hashed; %s\n", file, effective); err != nil || named {
		return err
	}
	what := file
	if file == pagePasswordFile {
		what = settings.PageCredential
	}
	_, err = fmt.Fprintf(e.stdout, "the local file does not ask for it yet: write password_file: %s below page:\n", what)
	return err
}

// passwordFile is where the password goes, and whether the local file asks for it. A local file that is not there, or is refused for the
// very lack of a password, is no hindrance.
func (c *pagePasswordCmd) passwordFile() (file string, named bool, err error) {
	local, err := settings.LoadLocal(c.Config)
	var wrong *settings.FileError
	if err != nil && !errors.As(err, &wrong) && !errors.Is(err, fs.ErrNotExist) {
		return "", false, err
	}
	asked := local.Page.PasswordFile
	if asked == settings.PageCredential {
		asked = pagePasswordFile
	}
	switch {
	case c.File != "":
		return c.File, c.File == asked, nil
	case asked != "":
		return asked, true, nil
	default:
		return pagePasswordFile, false, nil
	}
}
