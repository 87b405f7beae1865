package main

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// answerOffers answers offers of the door, one JSON text each, and takes the pictures that come, until in ends.
func answerOffers(in io.Reader, out io.Writer) (err error) {
	var m webrtc.MediaEngine
	if err = m.RegisterDefaultCodecs(); err != nil {
		return err
	}
	var s webrtc.SettingEngine
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(&m), webrtc.WithSettingEngine(s))
	var all []*webrtc.PeerConnection
	defer func() {
		for _, pc := range all {
			err = errors.Join(err, pc.GracefulClose())
		}
	}()
	offers, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var offer string
		if err = offers.Decode(&offer); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		pc, newErr := api.NewPeerConnection(webrtc.Configuration{})
		if newErr != nil {
			return newErr
		}
		all = append(all, pc)
		pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
			for {
				if _, _, readErr := t.ReadRTP(); readErr != nil {
					return
				}
			}
		})
		answer, answerErr := answerTo(pc, offer)
		if answerErr != nil {
			return answerErr
		}
		if err = answers.Encode(answer); err != nil {
			return err
		}
	}
}

func answerTo(pc *webrtc.PeerConnection, offer string) (string, error) {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err = pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return pc.LocalDescription().SDP, nil
}
