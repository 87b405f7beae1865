package peer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"math"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/webrtc/v4"
)

// mediaEngine knows the door's codecs and nothing else: no retransmission streams, no header extensions.
func mediaEngine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	for _, f := range audioOffer() {
		if err := m.RegisterCodec(f.parametersOf("audio"), webrtc.RTPCodecTypeAudio); err != nil {
			return nil, fmt.Errorf("peer: codec %s: %w", f.rtpmap, err)
		}
	}
	f := videoFormat(offerH264)
	if err := m.RegisterCodec(f.parametersOf("video"), webrtc.RTPCodecTypeVideo); err != nil {
		return nil, fmt.Errorf("peer: codec %s: %w", f.rtpmap, err)
	}
	return m, nil
}

// parametersOf is a format as pion wants it.
func (f format) parametersOf(kind string) webrtc.RTPCodecParameters {
	c := readRTPMap(f.rtpmap)
	p := webrtc.RTPCodecParameters{PayloadType: webrtc.PayloadType(f.pt), RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: kind + "/" + c.name, ClockRate: uint32(c.clock), SDPFmtpLine: f.parameters,
	}}
	if c.channels > 1 {
		p.Channels = uint16(c.channels)
	}
	for _, fb := range f.feedback {
		what, parameter := cutSpace(fb)
		p.RTCPFeedback = append(p.RTCPFeedback, webrtc.RTCPFeedback{Type: what, Parameter: parameter})
	}
	return p
}

// interceptors answer NACKs on the stream's own SSRC and send the reports of RFC 3550. A NACK generator would have nothing to
// do, as no video is received and sound is not worth waiting for. The tap is the last added, so that it sees packets as
// they came and the counter first, so that it counts what really leaves.
func interceptors(p *Peer) (*interceptor.Registry, error) {
	log := quietLoggers{p.log}
	responder, err := nack.NewResponderInterceptor(nack.ResponderSize(resendMemory), nack.WithResponderLoggerFactory(log))
	if err != nil {
		return nil, fmt.Errorf("peer: interceptor: %w", err)
	}
	senders, err := report.NewSenderInterceptor(report.WithSenderLoggerFactory(log), report.SenderInterval(reportInterval))
	if err != nil {
		return nil, fmt.Errorf("peer: interceptor: %w", err)
	}
	receivers, err := report.NewReceiverInterceptor(report.WithReceiverLoggerFactory(log), report.ReceiverInterval(reportInterval))
	if err != nil {
		return nil, fmt.Errorf("peer: interceptor: %w", err)
	}
	r := &interceptor.Registry{}
	r.Add(tapFactory{p})
	r.Add(responder)
	r.Add(senders)
	r.Add(receivers)
	return r, nil
}

// settingEngine is for a PeerConnection whose network is a link, that neither fails nor grows silent.
func settingEngine(p *Peer) webrtc.SettingEngine {
	s := webrtc.SettingEngine{LoggerFactory: quietLoggers{p.log}}
	s.SetICEUDPMux(linkMux{p.link})
	s.SetInterfaceFilter(func(string) bool { return false })
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.DisableActiveTCP(true)
	s.SetICETimeouts(0, 0, 0)
	s.SetICEMaxBindingRequests(math.MaxUint16)
	s.SetHostAcceptanceMinWait(0)
	s.SetDTLSRetransmissionInterval(dtlsFlight)
	// ICE has proved the far address, so the cookie round trip of DTLS is not needed.
	s.SetDTLSInsecureSkipHelloVerify(true)
	// BYE ends a call. A far side that closes DTLS first must not look like a failure.
	s.DisableCloseByDTLS(true)
	// A PBX may send from an SSRC it never announced, and change it when it bridges.
	s.SetHandleUndeclaredSSRCWithoutAnswer(true)
	s.SetReceiveMTU(receiveMTU)
	return s
}

// newConnection makes the PeerConnection of a peer, with a certificate of its own so that calls cannot be linked.
func newConnection(p *Peer) (*webrtc.PeerConnection, fingerprint, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fingerprint{}, fmt.Errorf("peer: certificate: %w", err)
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fingerprint{}, fmt.Errorf("peer: certificate: %w", err)
	}
	prints, err := cert.GetFingerprints()
	if err != nil || len(prints) == 0 {
		return nil, fingerprint{}, fmt.Errorf("peer: certificate: no fingerprint: %w", err)
	}
	print, ok := parseFingerprint(prints[0].Algorithm + " " + prints[0].Value)
	if !ok {
		return nil, fingerprint{}, fmt.Errorf("peer: certificate: fingerprint of kind %s", prints[0].Algorithm)
	}
	media, err := mediaEngine()
	if err != nil {
		return nil, fingerprint{}, err
	}
	registry, err := interceptors(p)
	if err != nil {
		return nil, fingerprint{}, err
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry),
		webrtc.WithSettingEngine(settingEngine(p)))
	pc, err := api.NewPeerConnection(webrtc.Configuration{
		BundlePolicy: webrtc.BundlePolicyMaxBundle, RTCPMuxPolicy: webrtc.RTCPMuxPolicyRequire,
		Certificates: []webrtc.Certificate{*cert},
	})
	if err != nil {
		return nil, fingerprint{}, fmt.Errorf("peer: connection: %w", err)
	}
	return pc, print, nil
}
