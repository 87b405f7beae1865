package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"doorstation/test/lab/homestub"
	"doorstation/test/lab/registrar"
)

// The household: the door's extension and the tablet's.
const (
	doorExtension   = "200"
	tabletExtension = "101"
	buttonName      = "Front door"
	sipDomain       = "home.invalid"
	openDigits      = "1"
	openLabel       = "Open the door"
)

// home is everything around the agent: Home Assistant and the PBX, each on a loopback port of its own, and the files the
// agent reads.
type home struct {
	pbx    *registrar.Server
	ha     *homestub.Server
	served []*webServer

	config, socket string // paths
	tabletPassword string
}

// openHome starts the servers and writes the agent's files into dir.
func openHome(dir string) (*home, error) {
	doorPassword, token := rand.Text(), rand.Text()
	h := &home{
		config: filepath.Join(dir, "config.yaml"), socket: filepath.Join(dir, "control.sock"), tabletPassword: rand.Text(),
	}
	h.pbx = registrar.New(registrar.Options{
		Realm: "doorstation demo", Users: map[string]string{doorExtension: doorPassword, tabletExtension: h.tabletPassword},
	})
	pbxAddress, err := h.serve(h.pbx)
	if err != nil {
		h.close()
		return nil, err
	}
	user := homestub.User{ID: "8f1c0d5be0b84f8e9c0f6f5f2a7f4d21", Name: "Front door"}
	h.ha = homestub.New(homestub.Options{
		Token: token, User: user, SIPCore: h.sipCore(user, doorPassword), PBX: &url.URL{Scheme: "http", Host: pbxAddress},
	})
	haAddress, err := h.serve(h.ha)
	if err != nil {
		h.close()
		return nil, err
	}

	tokenFile := filepath.Join(dir, "token")
	err = errors.Join(
		os.WriteFile(tokenFile, []byte(token+"\n"), 0o600),
		os.WriteFile(h.config, localFile("http://"+haAddress, tokenFile), 0o600),
	)
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// sipCore is what a person would have typed into SIP Core's settings in Home Assistant.
func (h *home) sipCore(door homestub.User, doorPassword string) map[string]any {
	return map[string]any{
		"users": []map[string]any{
			{"ha_username": door.ID, "display_name": buttonName, "extension": doorExtension, "password": doorPassword},
			{"ha_username": "hall tablet", "display_name": "Hall tablet", "extension": tabletExtension, "password": h.tabletPassword},
		},
		"pbx_server": sipDomain,
		"sip_video":  true,
		"ice_config": map[string]any{"iceServers": []any{}, "iceGatheringTimeout": 1000},
		"popup_config": map[string]any{
			"buttons":    []map[string]any{{"label": openLabel, "icon": "mdi:door-open", "type": "dtmf", "data": openDigits}},
			"extensions": map[string]any{doorExtension: map[string]any{"name": buttonName}},
		},
	}
}

// localFile is the agent's configuration file.
func localFile(homeAssistant, tokenFile string) []byte {
	return fmt.Appendf(nil, `# Written by the demo.
home_assistant:
  url: %s
  token_file: %s
gpio: simulated
buttons:
  - name: %s
    pin: GPIO17
    call: ["%s"]
    ring: 45s
lock:
  pin: GPIO27
  pulse: 3s
  codes: ["%s"]
light:
  pin: GPIO22
camera: {source: test, width: 1280, height: 720, framerate: 25, bitrate: 1500k}
audio: {device: test}
monitor: {listen: none}
page: {listen: none}
`, homeAssistant, tokenFile, buttonName, tabletExtension, openDigits)
}

// serve starts an HTTP server on a free loopback port.
func (h *home) serve(handler http.Handler) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	h.served = append(h.served, serve(listener, handler))
	return listener.Addr().String(), nil
}

// close ends the servers.
func (h *home) close() {
	if h.ha != nil {
		h.ha.Close()
	}
	h.pbx.Close()
	for _, s := range h.served {
		s.close()
	}
}

// webServer is an HTTP server that runs.
type webServer struct {
	server *http.Server
	done   chan struct{}
}

// serve runs an HTTP server until it is closed.
func serve(listener net.Listener, handler http.Handler) *webServer {
	s := &webServer{
		server: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second},
		done:   make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(listener) // always ends with an error, and what it would tell has no reader
	}()
	return s
}

// close ends the server and drops its connections.
func (s *webServer) close() {
	_ = s.server.Close()
	<-s.done
}
