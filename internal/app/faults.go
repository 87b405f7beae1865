package app

import (
	"cmp"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"doorstation/internal/gpio"
	"doorstation/internal/health"
	"doorstation/internal/homeassistant"
	"doorstation/internal/settings"
	"doorstation/internal/sip"
)

// faults turns what the rooms meet on the way to the PBX into standing faults.
type faults struct{ *health.Register }

// only makes a fault the one that stands of a group; "" clears the whole group.
func (f faults) only(group []health.Code, code health.Code, detail string) {
	if code != "" {
		f.Raise(code, detail)
	}
	f.Clear(slices.DeleteFunc(group, func(c health.Code) bool { return c == code })...)
}

// onlyFetch keeps the faults of asking Home Assistant: of these at most one stands.
func (f faults) onlyFetch(code health.Code, detail string) {
	f.only([]health.Code{
		health.CodeTokenMissing, health.CodeTokenRefused, health.CodeIntegrationMissing, health.CodeNotSetUp,
		health.CodeHomeAssistantUnreachable,
	}, code, detail)
}

// fetch takes what asking Home Assistant gave.
func (f faults) fetch(err error) { f.onlyFetch(HomeCode(err), errorText(err)) }

// HomeCode names the fault of an error of asking Home Assistant, "" for none.
func HomeCode(err error) health.Code {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, settings.ErrNoToken):
		return health.CodeTokenMissing
	case errors.Is(err, homeassistant.ErrTokenRefused):
		return health.CodeTokenRefused
	case errors.Is(err, homeassistant.ErrNotInstalled):
		return health.CodeIntegrationMissing
	case errors.Is(err, homeassistant.ErrNotSetUp):
		return health.CodeNotSetUp
	default:
		return health.CodeHomeAssistantUnreachable
	}
}

// problems takes what is wrong inside SIP Core's settings.
func (f faults) problems(problems []settings.Problem, err error) {
	var invalid, servers []string
	for _, p := range problems {
		if p.AboutICEServer() {
			servers = append(servers, p.String())
		} else {
			invalid = append(invalid, p.String())
		}
	}
	if err != nil {
		invalid = append(invalid, err.Error())
	}
	f.standing(health.CodeSettingsInvalid, len(invalid) > 0, strings.Join(invalid, "; "))
	f.standing(health.CodeICEServerInvalid, len(servers) > 0, strings.Join(servers, "; "))
}

func (f faults) standing(code health.Code, stands bool, detail string) {
	if stands {
		f.Raise(code, detail)
	} else {
		f.Clear(code)
	}
}

// merge takes how choosing the door's user and what it offers went.
func (f faults) merge(notices []settings.Notice, err error) {
	address := errors.Is(err, settings.ErrNoPBXAddress)
	f.standing(health.CodeNoUser, err != nil && !address, errorText(err))
	if address {
		f.Raise(health.CodeNoPBXAddress, err.Error()) // cleared by the line that can be made one day
	}
	if err != nil {
		return
	}
	for _, row := range noticeCodes() {
		i := slices.IndexFunc(notices, func(n settings.Notice) bool { return n.Kind == row.kind })
		if i < 0 {
			f.Clear(row.code)
		} else {
			f.Raise(row.code, notices[i].Detail)
		}
	}
}

type noticeCode struct {
	kind settings.NoticeKind
	code health.Code
}

// noticeCodes says which standing warning a notice is.
func noticeCodes() []noticeCode {
	return []noticeCode{
		{settings.NoticeBackupUser, health.CodeBackupUser},
		{settings.NoticeNoPicture, health.CodeNoPicture},
		{settings.NoticeNoTargets, health.CodeNoTargets},
		{settings.NoticeCallsItself, health.CodeCallsItself},
		{settings.NoticeUnknownTarget, health.CodeUnknownTarget},
		{settings.NoticeDTMFOpensNothing, health.CodeDTMFOpensNothing},
		{settings.NoticeCodeNotSent, health.CodeCodeNotSent},
		{settings.NoticeTalkOpensDoor, health.CodeTalkOpensDoor},
	}
}

// refused takes what keeps new settings from being used; neither means that they are, or may be.
func (f faults) refused(breaking []settings.Problem, err error) {
	var details []string
	if err != nil {
		details = append(details, err.Error())
	}
	for _, p := range breaking {
		details = append(details, p.String())
	}
	f.standing(health.CodeSettingsRefused, len(details) > 0, strings.Join(details, "; "))
}

// onlyLine keeps the faults of the way to the PBX: of these at most one stands.
func (f faults) onlyLine(code health.Code, detail string) {
	f.only([]health.Code{
		health.CodePBXUnreachable, health.CodePBXName, health.CodeRegistrationRefused, health.CodeIngressSession, health.CodeNoSupervisor,
		health.CodeAddonMissing, health.CodeNoPBXAddress,
	}, code, detail)
}

// noLineFault says that there is nothing wrong on the way to the PBX, or nothing known yet.
func (f faults) noLineFault() { f.onlyLine("", "") }

// registration takes how the door stands at the PBX.
func (f faults) registration(r sip.Registration) {
	switch r.State {
	case sip.Registered:
		f.noLineFault()
	case sip.Refused:
		f.onlyLine(health.CodeRegistrationRefused, errorText(r.Err))
	case sip.Unreachable:
		switch code := IngressCode(r.Err); code {
		case "":
			code = health.CodePBXUnreachable
			// Home Assistant's name, on the way through ingress, is a matter of the look at Home Assistant.
			if name := new(net.DNSError); errors.As(r.Err, &name) && !errors.Is(r.Err, homeassistant.ErrUnreachable) {
				code = health.CodePBXName
			}
			f.onlyLine(code, errorText(r.Err))
		case health.CodeTokenRefused: // one of Home Assistant's own; the next look at it clears it
			f.noLineFault()
			f.Raise(code, errorText(r.Err))
		default:
			f.onlyLine(code, errorText(r.Err))
		}
	default:
	}
}

// IngressCode names the fault of an ingress error, "" when it is none of these.
func IngressCode(err error) health.Code {
	for _, row := range []struct {
		is   error
		code health.Code
	}{
		{homeassistant.ErrNoSupervisor, health.CodeNoSupervisor},
		{homeassistant.ErrNoAddon, health.CodeAddonMissing},
		{homeassistant.ErrAddonDown, health.CodeAddonMissing},
		{homeassistant.ErrIngressToken, health.CodeAddonMissing},
		{homeassistant.ErrIngressSession, health.CodeIngressSession},
		{homeassistant.ErrNotAdmin, health.CodeIngressSession},
		{homeassistant.ErrTokenRefused, health.CodeTokenRefused},
	} {
		if errors.Is(err, row.is) {
			return row.code
		}
	}
	return ""
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// boardFaults turns what is wrong with the pins into standing faults: one for each kind of part, which stands while any part of
// that kind is broken.
type boardFaults struct {
	health *health.Register

	mu     sync.Mutex
	broken map[gpio.Part]map[string]string // by part, then by the name of the button
}

// take is told of each change.
func (b *boardFaults) take(f gpio.Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken == nil {
		b.broken = map[gpio.Part]map[string]string{}
	}
	if b.broken[f.Part] == nil {
		b.broken[f.Part] = map[string]string{}
	}
	if f.Err == nil {
		delete(b.broken[f.Part], f.Name)
	} else {
		b.broken[f.Part][f.Name] = f.Err.Error()
	}
	code := codeOfPart(f.Part)
	var details []string
	for _, name := range slices.SortedFunc(maps.Keys(b.broken[f.Part]), cmp.Compare[string]) {
		detail := b.broken[f.Part][name]
		if name != "" {
			detail = name + ": " + detail
		}
		details = append(details, detail)
	}
	faults{b.health}.standing(code, len(details) > 0, strings.Join(details, "; "))
}

func codeOfPart(p gpio.Part) health.Code {
	switch p {
	case gpio.PartButton:
		return health.CodeButtonUnreadable
	case gpio.PartLock:
		return health.CodeLockUnavailable
	case gpio.PartLight:
		return health.CodeLightUnavailable
	case gpio.PartLED:
		return health.CodeLEDUnavailable
	case gpio.PartInput:
		return health.CodeInputUnreadable
	default:
		return health.CodeGPIOUnavailable
	}
}
