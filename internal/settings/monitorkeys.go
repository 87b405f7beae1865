package settings

import (
	"net"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// DefaultMonitor is where health and metrics are served when the file does not say: on this machine only.
const DefaultMonitor = "127.0.0.1:9517"

func (r *reader) monitor(n ast.Node, m *Monitor) {
	r.mapping(n, "monitor", keys{
		"listen": func(n ast.Node) {
			m.Listen = r.text(n, "an address and port such as "+DefaultMonitor+", or none", isListen)
			if m.Listen == "none" {
				m.Listen = ""
			}
		},
	})
}

// isListen tells whether an address can be listened at. A name is none: it may be resolved to another machine one day.
func isListen(s string) bool {
	if s == "none" {
		return true
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || host != "" && net.ParseIP(host) == nil {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && n > 0 && n < 1<<16
}
