package settings

import (
	"net"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// DefaultPage is where the status page is served when the file does not say: on this machine only.
const DefaultPage = "127.0.0.1:9518"

// PageCredential, in place of a file's path, says that the page's password is systemd's credential page_password.
const PageCredential = "credential"

// Page says where the status page is served and who may open it.
type Page struct {
	// Listen is host:port; empty: nowhere.
	Listen string
	// PasswordFile is the file of the hashed password; PageCredential: systemd's credential; empty: there is none, and Listen is
	// an address of loopback.
	PasswordFile string
	// Names are those under which browsers reach the page besides the machine's own, in lower case.
	Names []string
}

func (r *reader) page(n ast.Node, p *Page) {
	at := n // where the address is, for what is said about it
	r.mapping(n, "page", keys{
		"listen": func(n ast.Node) {
			at = n
			p.Listen = r.text(n, "an address and port such as "+DefaultPage+", or none", isListen)
			if p.Listen == "none" {
				p.Listen = ""
			}
		},
		"password_file": func(n ast.Node) { p.PasswordFile = r.file(n) },
		"names": func(n ast.Node) {
			r.sequence(n, "a list of host names", maxEntries, func(n ast.Node) {
				p.Names = append(p.Names, strings.ToLower(r.text(n, "a host name such as door.example.com, without port", isHostName)))
			})
		},
	})
	if p.Listen != "" && p.PasswordFile == "" && !listensOnLoopback(p.Listen) {
		r.fault(at, "page.password_file is missing: the page shows the camera's picture, so on the network it asks for a password; make one with "+
			"doorstation page password, or listen on "+DefaultPage)
	}
}

// listensOnLoopback tells whether only this machine reaches an address.
func listensOnLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && net.ParseIP(host).IsLoopback()
}

// isHostName tells whether a Host header (RFC 9110 section 7.2) may hold this name.
func isHostName(s string) bool {
	return s != "" && len(s) <= 253 && !strings.ContainsFunc(s, func(c rune) bool {
		return c != '-' && c != '.' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}
