package checkup

import (
	"fmt"
	"os/exec"
	"testing"

	"doorstation/internal/health"
	"doorstation/test/lab"
)

// ofICE are those of STUN and TURN servers, on coturn.
func ofICE(t *testing.T) []fault {
	ca := lasting(t)
	turn := lab.StartTURN(t, lab.TURNOptions{CA: ca})
	good := server("turn:"+turn.Addr+"?transport=udp", turn.Username, turn.Password)
	with := func(policy string, bad ...map[string]any) func(*household) func() {
		return func(h *household) func() {
			servers(h, policy, bad...)
			return func() { servers(h, policy, good) }
		}
	}
	return append(ofReach(turn.Addr, good), []fault{
		{code: health.CodeSTUNSilent, link: "ice", name: "STUN", breaks: func(h *household) func() {
			return with("all", server("stun:"+lab.SilentSTUN(t), "", ""))(h)
		}},
		{code: health.CodeTURNSilent, link: "ice", name: "TURN", breaks: func(h *household) func() {
			return with("all", server("turn:"+lab.SilentSTUN(t), turn.Username, turn.Password))(h)
		}},
		{code: health.CodeTURNSilent, link: "ice", name: "TURN by TCP where nothing listens", breaks: with("all",
			server("turn:"+lab.Addr+":9?transport=tcp", turn.Username, turn.Password))},
		{code: health.CodeICEServerName, link: "ice", name: "no such name", breaks: with("all", server("stun:no-such-host.invalid:3478", "", ""))},
		{code: health.CodeTURNRefused, link: "ice", name: "another credential", breaks: with("all", server("turn:"+turn.Addr+"?transport=udp", turn.Username, "wrong"))},
		{code: health.CodeTURNRefused, link: "ice", name: "another credential by TCP", breaks: with("all", server("turn:"+turn.Addr+"?transport=tcp", turn.Username, "wrong"))},
		{code: health.CodeCertificateUnknown, link: "ice", name: "nobody knows TURN's authority", breaks: func(h *household) func() {
			servers(h, "all", server("turns:"+turn.TLSAddr+"?transport=tcp", turn.Username, turn.Password))
			return func() { h.config = fmt.Sprintf("sip: {tls: {ca_file: %q}}\n", ca.File) }
		}},
		{code: health.CodeRelayOnlyWithoutTURN, link: "candidates", name: "no server", breaks: with("relay")},
		{code: health.CodeRelayOnlyWithoutTURN, link: "candidates", name: "another credential", breaks: with("relay", server(turn.URL("udp"), turn.Username, "wrong"))},
		{code: health.CodeRelayBlocked, link: "ice", name: "the relay's ports are shut", breaks: func(h *household) func() {
			servers(h, "all", good)
			nft(t, "add table inet shut")
			nft(t, "add chain inet shut in { type filter hook input priority 0; }")
			nft(t, "add rule inet shut in udp dport 40000-40999 drop")
			return func() { nft(t, "delete table inet shut") }
		}},
	}...)
}

func nft(t *testing.T, command string) {
	t.Helper()
	path, err := exec.LookPath("nft")
	if err != nil {
		path = "/usr/sbin/nft"
	}
	if out, runErr := exec.Command(path, command).CombinedOutput(); runErr != nil {
		t.Fatalf("nft %s: %v: %s", command, runErr, out)
	}
}
