package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"strings"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/check"
	"doorstation/internal/control"
	"doorstation/internal/hardware"
	"doorstation/internal/health"
)

const (
	// rateTime is how long an agent's pictures are counted.
	rateTime = 2 * time.Second
	// slowShare is the part of the wanted rate below which a camera is called slow.
	slowShare = 0.8
	// pictureQuality is that of the JPEG that is written.
	pictureQuality = 85
	pictureMode    = 0o600
)

// camera takes a picture: of the agent that has the camera, or with the camera itself.
func (s *Scene) camera(ctx context.Context, say func(check.Finding)) {
	if why := s.mayNotAsk(ctx); why != nil {
		say(notAsked(why))
		return
	}
	var img image.Image
	var info hardware.PictureInfo
	var err error
	if s.Agent != nil {
		img, info, err = s.agentPicture(ctx)
	} else {
		err = hardware.Quietly(func() (err error) {
			img, info, err = hardware.Picture(ctx, s.Local.Camera)
			return err
		})
	}
	if err != nil {
		s.noPicture(ctx, err, say)
		return
	}
	f := check.Finding{Found: pictureText(info), Data: info}
	if img != nil {
		f.Found += s.keepPicture(img)
	}
	if info.Light != nil && info.Light.Note() != "" {
		f.Found += "\n" + info.Light.Note()
		f.Code = health.CodeCameraDark
		if !info.Light.Blank() {
			f.Code, f.Outcome = "", check.Note
		}
	}
	if info.Format != "" {
		f.Code, f.Outcome = health.CodeCameraFormat, ""
		f.Found += "\n" + info.Format
	}
	if wanted := float64(s.Local.Camera.Framerate); info.Rate < slowShare*wanted {
		f.Found += fmt.Sprintf("\nof %.0f pictures a second that are wanted %.1f come: it is dark, or the encoder is too slow for this size", wanted, info.Rate)
		if f.Code == "" {
			f.Outcome = check.Note
		}
	}
	say(f)
}

// noPicture says why there is none, and which cameras there are.
func (s *Scene) noPicture(ctx context.Context, err error, say func(check.Finding)) {
	f := check.Finding{Code: hardware.CameraCode(err), Found: err.Error()}
	if errors.Is(err, control.ErrRefused) {
		f.Code = s.agentCode(health.CodeCameraBusy, health.CodeCameraUnavailable, health.CodeCameraStalled)
	}
	if f.Code == "" {
		f.Code = health.CodeCameraStalled
	}
	if f.Code == health.CodeCameraBusy {
		by, partial := hardware.BusyWith(s.Local.Camera, s.Hardware.Machine)
		switch {
		case by != "":
			f.Found = "the camera is used by " + by + "\n" + f.Found
		case partial:
			f.Found += "\nwhich program that is, only root may see: sudo doorstation check --only camera"
		}
	}
	if f.Code == health.CodeCameraUnavailable && !errors.Is(err, camera.ErrCameraPermission) {
		var list []hardware.Camera
		listErr := hardware.Quietly(func() (err error) {
			list, err = hardware.Cameras(ctx)
			return err
		})
		var lines []string
		for _, c := range list {
			line := fmt.Sprintf("camera.source: %s has %s", c.Source, c)
			if c.Err != nil {
				line += ": " + c.Err.Error()
			}
			lines = append(lines, line)
		}
		if len(lines) == 0 && listErr == nil {
			lines = []string{"no camera of any kind was found on this machine"}
		}
		f.Found = strings.Join(append([]string{f.Found}, lines...), "\n")
	}
	say(f)
}

// agentCode is the first of some faults that stands in the agent now, or stood when the check began.
func (s *Scene) agentCode(codes ...health.Code) health.Code {
	for _, code := range codes {
		for _, f := range s.Agent.Faults {
			if f.Code == string(code) {
				return code
			}
		}
	}
	return ""
}

// agentPicture asks the agent for its picture, and counts its pictures meanwhile.
func (s *Scene) agentPicture(ctx context.Context) (image.Image, hardware.PictureInfo, error) {
	p, err := s.Control.Picture(ctx)
	if err != nil {
		// What stands now tells why.
		if now, statusErr := s.Control.Status(ctx); statusErr == nil {
			s.Agent = &now
		}
		return nil, hardware.PictureInfo{}, err
	}
	info := hardware.PictureInfo{Width: p.Width, Height: p.Height}
	before, err := s.Control.Status(ctx)
	if err != nil {
		return nil, info, err
	}
	began := time.Now()
	select {
	case <-time.After(rateTime):
	case <-ctx.Done():
		return nil, info, ctx.Err()
	}
	after, err := s.Control.Status(ctx)
	if err != nil {
		return nil, info, err
	}
	c := after.Camera
	info.Rate = float64(c.Frames-before.Camera.Frames) / time.Since(began).Seconds()
	info.Device, info.Capture, info.Late, info.Bitrate = c.Device, c.Capture, c.Late, c.Bitrate
	info.Encoder, info.Hardware = hardware.Encoder(s.Local.Camera, c.Encoder)
	if p.Type != "image/jpeg" {
		return nil, info, nil
	}
	img, err := jpeg.Decode(bytes.NewReader(p.Data))
	if err != nil {
		return nil, info, fmt.Errorf("the agent's picture: %w", err)
	}
	if luma, ok := img.(*image.YCbCr); ok {
		light := hardware.LightOf(luma)
		info.Light = &light
	}
	return img, info, nil
}

// pictureText says what was measured.
func pictureText(i hardware.PictureInfo) string {
	text := fmt.Sprintf("a picture of %dx%d, %.1f a second", i.Width, i.Height, i.Rate)
	if i.Profile != "" {
		text += fmt.Sprintf(", %s %s, %.1f Mbit/s", i.Profile, i.Level, float64(i.Bitrate)/1e6)
	}
	where := "on the processor"
	if i.Hardware {
		where = "in hardware"
	}
	if i.Encoder == "the command" {
		text += ", encoded by the command"
	} else {
		text += fmt.Sprintf(", encoded %s (%s)", where, i.Encoder)
	}
	if i.Start > 0 {
		text += fmt.Sprintf(", the first after %.1f s", i.Start.Seconds())
	}
	if i.Device != "" {
		text += "\n" + i.Device + ": " + strings.TrimPrefix(i.Capture, i.Device+": ")
	}
	if i.Late > 0 {
		text += fmt.Sprintf("\nthe encoder was too slow for %d of them", i.Late)
	}
	return text
}

// keepPicture writes the picture where it is wanted, and says so.
func (s *Scene) keepPicture(img image.Image) string {
	if s.Hardware.Picture == "" {
		return ""
	}
	var out bytes.Buffer
	err := jpeg.Encode(&out, img, &jpeg.Options{Quality: pictureQuality})
	if err == nil {
		err = os.WriteFile(s.Hardware.Picture, out.Bytes(), pictureMode)
	}
	if err != nil {
		return fmt.Sprintf("\nthe picture could not be written: %v", err)
	}
	return "\nthe picture is in " + s.Hardware.Picture
}
