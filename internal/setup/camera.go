package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"doorstation/internal/settings"
)

// What --camera and --sound may say besides a name.
const (
	auto = "auto"
	none = "none"
	test = "test"
)

var errNoSuchCamera = errors.New("there is no such camera")

// askCamera finds the camera and shows its picture.
func (s *state) askCamera(ctx context.Context) error {
	given := s.Given.Camera
	s.Given.Camera = ""
	if given == none || given == test {
		s.useCamera(Camera{Settings: s.plainCamera(given)}, given == none)
		return nil
	}
	var cameras []Camera
	err := s.Person.Wait(ctx, "Looking for cameras…", "", func(ctx context.Context, _ func(string)) (err error) {
		cameras, err = s.Hardware.Cameras(ctx)
		return err
	})
	if ctx.Err() != nil || errors.Is(err, ErrStopped) {
		return ErrStopped
	}
	if err != nil {
		s.tell(Warning, "The cameras can't be listed: "+sentence(err))
	}
	if given != "" && given != auto {
		return s.namedCamera(cameras, given)
	}
	if given == auto || s.Unattended {
		s.automaticCamera(cameras, given == auto)
		return nil
	}
	for {
		c, without, pickErr := s.pickCamera(ctx, cameras)
		if pickErr != nil {
			return pickErr
		}
		if without || s.busy {
			s.useCamera(c, without)
			return nil
		}
		fits, tryErr := s.tryCamera(ctx, c)
		if tryErr != nil {
			return tryErr
		}
		if fits {
			s.useCamera(c, false)
			return nil
		}
	}
}

// namedCamera takes the camera that was named on the command line.
func (s *state) namedCamera(cameras []Camera, name string) error {
	for _, c := range cameras {
		if c.Settings.Source == name || c.Settings.Device == name || strings.Contains(strings.ToLower(c.Name), strings.ToLower(name)) {
			s.useCamera(c, false)
			return nil
		}
	}
	var names []string
	for _, c := range cameras {
		names = append(names, Clean(c.Name))
	}
	return fmt.Errorf("%w: %q; there is: %s", errNoSuchCamera, Clean(name), list(names))
}

// automaticCamera keeps the camera of the local file, else takes the first one.
func (s *state) automaticCamera(cameras []Camera, wanted bool) {
	usable := slices.IndexFunc(cameras, func(c Camera) bool { return c.Err == nil })
	switch {
	case s.exists && !wanted:
	case usable >= 0:
		s.useCamera(cameras[usable], false)
	default:
		s.tell(Warning, "No camera was found: calls carry no picture.")
		s.useCamera(Camera{Settings: s.local.Camera}, true)
	}
}

// pickCamera lets one of the cameras be chosen.
func (s *state) pickCamera(ctx context.Context, cameras []Camera) (c Camera, without bool, err error) {
	var options []string
	def := 0
	for i, c := range cameras {
		text := fmt.Sprintf("%s  %dx%d, %d pictures a second", Clean(c.Name), c.Settings.Width, c.Settings.Height, c.Settings.Framerate)
		if c.Note != "" {
			text += ", " + Clean(c.Note)
		}
		if c.Err != nil {
			text = Clean(c.Name) + "  can't be used: " + Clean(c.Err.Error())
		}
		if s.exists && c.Settings.Source == s.local.Camera.Source && c.Settings.Device == s.local.Camera.Device {
			def = i
		}
		options = append(options, text)
	}
	n := len(cameras)
	options = append(options, "A test picture (to try the rest first)", "No camera")
	keeps := s.exists && s.local.Call.Video != "never"
	if keeps {
		options = append(options, fmt.Sprintf("As it is now: %s %s", s.local.Camera.Source, Clean(s.local.Camera.Device)))
		def = n + 2
	}
	if n == 0 {
		s.tell(Plain, "No camera was found. A camera of the Raspberry Pi needs the package rpicam-apps-lite; a USB camera, its plug.")
		if !keeps {
			def = n + 1
		}
	}
	i, err := s.Person.Choose(ctx, Choice{Question: "Which camera looks at the visitor?", Options: options, Default: def, Flag: "--camera auto"})
	switch {
	case err != nil:
		return Camera{}, false, err
	case i < n:
		return cameras[i], false, nil
	case i == n:
		return Camera{Settings: s.plainCamera(test)}, false, nil
	case i == n+1:
		return Camera{Settings: s.local.Camera}, true, nil
	}
	return Camera{Settings: s.local.Camera}, false, nil
}

// tryCamera shows a picture.
func (s *state) tryCamera(ctx context.Context, c Camera) (bool, error) {
	var p Picture
	err := s.Person.Wait(ctx, "Taking a picture…", "Enter: leave it", func(ctx context.Context, _ func(string)) (err error) {
		p, err = s.Hardware.Picture(ctx, c.Settings)
		return err
	})
	switch {
	case ctx.Err() != nil || errors.Is(err, ErrStopped):
		return false, ErrStopped
	case errors.Is(err, ErrSkipped):
		return s.confirm(ctx, "Use this camera without a picture seen?", false)
	case err != nil:
		s.tell(Bad, "No picture: "+sentence(err))
		return s.confirm(ctx, "Use this camera all the same?", false)
	}
	if p.Image == nil {
		s.tell(Good, sentence(errors.New(p.Found)))
		return s.confirm(ctx, "It can't be shown here. Use this camera?", true)
	}
	s.Person.Picture(p.Image)
	s.tell(Good, sentence(errors.New(p.Found)))
	if p.Note != "" {
		s.tell(Warning, sentence(errors.New(p.Note)))
	}
	if path, saveErr := s.Files.SavePicture(p.Image); saveErr == nil {
		s.tell(Faint, "The picture is in "+path+" until setup ends.")
	}
	return s.confirm(ctx, "Is this the right camera?", true)
}

// plainCamera is the camera of the local file with another source, or as it is.
func (s *state) plainCamera(source string) settings.Camera {
	c := s.local.Camera
	if source == test && c.Source != test {
		c.Source, c.Device, c.Command, c.Rotation, c.Mirror = test, "", nil, 0, false
	}
	return c
}

// useCamera takes a camera, or none.
func (s *state) useCamera(c Camera, without bool) {
	if without {
		s.local.Call.Video = "never"
		s.tell(Plain, "Calls carry no picture.")
		return
	}
	if s.local.Call.Video == "never" {
		s.local.Call.Video = auto
	}
	s.local.Camera = keepTaste(s.local.Camera, c.Settings)
	if !s.core.SIPVideo && s.local.Call.Video == auto {
		s.tell(Warning, "SIP Core has its setting sip_video off: tablets show no picture of the door. Switch it on in SIP Core's settings "+
			"(sip_video: true), or show a camera of Home Assistant there.")
	}
}

// keepTaste takes of a camera what the machine decides, and keeps what a person wrote about the same kind of camera.
func keepTaste(was, is settings.Camera) settings.Camera {
	if was.Source == is.Source {
		is.Rotation, is.Mirror, is.Overlay = was.Rotation, was.Mirror, was.Overlay
	}
	return is
}
