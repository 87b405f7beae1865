package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// Picture is what the camera shows now.
type Picture struct {
	// Type is image/jpeg, or video/h264 where the picture cannot be decoded here: one key frame with its parameter sets (Annex B).
	Type string
	Data []byte
	// Width and Height are of what calls are sent; 0: not known.
	Width, Height int
}

// SoundTrialRequest is the body of POST /v1/sound/try.
type SoundTrialRequest struct {
	// Silent plays nothing: the microphone alone is tried.
	Silent bool `json:"silent"`
}

// SoundTrial is what came of playing a tone and recording meanwhile. Levels are dBFS, -100 at least.
type SoundTrial struct {
	Microphone  bool `json:"microphone"`
	Loudspeaker bool `json:"loudspeaker"`
	// Dead: the microphone gave nothing but zeros.
	Dead      bool    `json:"dead"`
	NoiseDBFS float64 `json:"noise_dbfs"`
	PeakDBFS  float64 `json:"peak_dbfs"`
	// Clipped is the share of samples at the end of the scale, 0 to 1.
	Clipped  float64 `json:"clipped"`
	Heard    bool    `json:"heard"`
	ToneDBFS float64 `json:"tone_dbfs"`
	// EchoDelay is 0 when it did not show.
	EchoDelay float64 `json:"echo_delay_ms"`
}

// Hardware is the agent's hardware as the socket sees it; a [Station] that has it serves its routes.
type Hardware interface {
	// Picture takes a picture of what the camera shows now; the camera is started for it.
	Picture(ctx context.Context) (Picture, error)
	// TrySound plays a tone and records meanwhile, some six seconds. [ErrSoundInUse] while a call has the sound device.
	TrySound(ctx context.Context, r SoundTrialRequest) (SoundTrial, error)
}

// ErrSoundInUse is what a [Hardware] wraps when a call has the sound device.
var ErrSoundInUse = errors.New("a call or a tone has the sound device")

const (
	codeSoundInUse = "sound_in_use"
	// pictureLimit is what a picture may take: a camera that is started for it needs seconds. soundLimit is what a trial may.
	pictureLimit = 15 * time.Second
	soundLimit   = 20 * time.Second
	// answerMargin is what an answer has beyond that.
	answerMargin = 5 * time.Second
	// maxPicture bounds a picture, in bytes.
	maxPicture = 8 << 20

	headerWidth, headerHeight = "X-Picture-Width", "X-Picture-Height"
)

// hardwareRoutes adds what concerns the hardware.
func hardwareRoutes(mux *http.ServeMux, h Hardware, log *slog.Logger) {
	fail := func(w http.ResponseWriter, err error) {
		if errors.Is(err, ErrSoundInUse) {
			reply(w, http.StatusConflict, errorReply{Error: err.Error(), Code: codeSoundInUse}, log)
			return
		}
		reply(w, http.StatusServiceUnavailable, errorReply{Error: err.Error(), Code: codeFailed}, log)
	}
	within := func(w http.ResponseWriter, r *http.Request, limit time.Duration) (context.Context, context.CancelFunc) {
		// Both: when the time for the request is over while it is being worked on, its context ends.
		control, until := http.NewResponseController(w), time.Now().Add(limit+answerMargin)
		if err := errors.Join(control.SetWriteDeadline(until), control.SetReadDeadline(until)); err != nil {
			log.Debug("control socket: a longer time for the answer", "error", err)
		}
		return context.WithTimeout(r.Context(), limit)
	}
	mux.HandleFunc("GET /v1/picture", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := within(w, r, pictureLimit)
		defer cancel()
		p, err := h.Picture(ctx)
		if err != nil {
			fail(w, err)
			return
		}
		w.Header().Set("Content-Type", p.Type)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set(headerWidth, strconv.Itoa(p.Width))
		w.Header().Set(headerHeight, strconv.Itoa(p.Height))
		if _, err = w.Write(p.Data); err != nil {
			log.Debug("control socket: the picture was not taken", "error", err)
		}
	})
	mux.HandleFunc("POST /v1/sound/try", func(w http.ResponseWriter, r *http.Request) {
		var req SoundTrialRequest
		if status, err := readBody(w, r, &req, `{"silent": false}`); err != nil {
			reply(w, status, errorReply{Error: err.Error(), Code: codeBadRequest}, log)
			return
		}
		ctx, cancel := within(w, r, soundLimit)
		defer cancel()
		t, err := h.TrySound(ctx, req)
		if err != nil {
			fail(w, err)
			return
		}
		reply(w, http.StatusOK, t, log)
	})
}

// Picture asks for what the camera shows now.
func (c *Client) Picture(ctx context.Context) (Picture, error) {
	var p Picture
	take := func(resp *http.Response) (err error) {
		p.Type = resp.Header.Get("Content-Type")
		// What is no number is not known.
		p.Width, _ = strconv.Atoi(resp.Header.Get(headerWidth))
		p.Height, _ = strconv.Atoi(resp.Header.Get(headerHeight))
		if p.Data, err = io.ReadAll(io.LimitReader(resp.Body, maxPicture+1)); err == nil && len(p.Data) > maxPicture {
			err = fmt.Errorf("the picture is larger than %d bytes", maxPicture)
		}
		return err
	}
	return p, c.doFor(ctx, pictureLimit+answerMargin, http.MethodGet, "/v1/picture", nil, take)
}

// TrySound lets the agent try its sound device. [ErrSoundInUse] while a call has it.
func (c *Client) TrySound(ctx context.Context, r SoundTrialRequest) (SoundTrial, error) {
	var t SoundTrial
	body, err := json.Marshal(r)
	if err != nil {
		return t, fmt.Errorf("control: %w", err)
	}
	return t, c.doFor(ctx, soundLimit+answerMargin, http.MethodPost, "/v1/sound/try", body, jsonInto(&t))
}
