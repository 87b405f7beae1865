package house

import (
	"net/http/httptest"
	"strings"

	"doorstation/test/lab"
	"doorstation/test/lab/registrar"
)

// startProxy starts a SIP proxy, which leaves the media to the two ends, until the test ends. It returns its address as HTTP has it.
func startProxy(t lab.T) string {
	t.Helper()
	proxy := registrar.New(registrar.Options{Users: map[string]string{"101": lab.Password, lab.DoorExtension: lab.Password}})
	server := httptest.NewServer(proxy)
	t.Cleanup(func() {
		proxy.Close()
		server.Close()
	})
	return server.URL
}

// WSURL is where a browser in the lab's own network registers.
func (h *House) WSURL() string {
	if h.proxy != "" {
		return strings.Replace(h.proxy, "http", "ws", 1) + "/ws"
	}
	return h.PBX.WSURL()
}
