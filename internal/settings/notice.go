package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Notice is something a person should know about settings that work.
type Notice struct {
	Kind NoticeKind
	// Detail says where, such as the name of a button. It holds no code.
	Detail string
}

// NoticeKind is what a notice is about.
type NoticeKind int

// The notices.
const (
	// NoticeBackupUser says that the door runs on backup_user.
	NoticeBackupUser NoticeKind = iota + 1
	// NoticeNoPicture says that the household sees nothing of the visitor.
	NoticeNoPicture
	// NoticeNoTargets says that a button calls nobody.
	NoticeNoTargets
	// NoticeCallsItself says that a button calls the door's own extension.
	NoticeCallsItself
	// NoticeUnknownTarget says that a button calls an extension that is none of SIP Core's users'.
	NoticeUnknownTarget
	// NoticeDTMFOpensNothing says that a button of the popup sends digits that mean nothing to this door.
	NoticeDTMFOpensNothing
	// NoticeCodeNotSent says that no button of the popup sends a code of the lock.
	NoticeCodeNotSent
	// NoticeTalkOpensDoor says that the digits that open the loudspeaker open the door as well.
	NoticeTalkOpensDoor
)

// notices compares what was merged with what SIP Core's settings say besides.
func notices(s Settings, c SIPCore) []Notice {
	n := LocalNotices(s.Local)
	add := func(kind NoticeKind, details []string) {
		if len(details) > 0 {
			n = append(n, Notice{kind, strings.Join(details, "; ")})
		}
	}
	if s.BackupUser {
		n = append(n, Notice{Kind: NoticeBackupUser})
	}
	// call.video: never is a wish; auto without sip_video may be an oversight.
	if !s.Video && s.Local.Call.Video == "auto" && s.Popup.Extensions[s.Extension].CameraEntity == "" {
		n = append(n, Notice{Kind: NoticeNoPicture})
	}
	var itself, unknown []string
	known := c.Extensions()
	for _, b := range s.Local.Buttons {
		for _, target := range slices.Concat(b.Call...) {
			switch {
			case target == s.Extension:
				itself = append(itself, fmt.Sprintf("button %q calls %s, the door's own extension", b.Name, target))
			case !slices.Contains(known, target):
				unknown = append(unknown, fmt.Sprintf("button %q calls %s", b.Name, target))
			}
		}
	}
	add(NoticeCallsItself, itself)
	add(NoticeUnknownTarget, unknown)
	add(NoticeDTMFOpensNothing, openNothing(s))
	add(NoticeCodeNotSent, notSent(s))
	return n
}

// LocalNotices are those that the local file alone gives.
func LocalNotices(l Local) []Notice {
	var n []Notice
	var nobody []string
	for _, b := range l.Buttons {
		if len(b.Call) == 0 {
			nobody = append(nobody, "button "+strconv.Quote(b.Name))
		}
	}
	if len(nobody) > 0 {
		n = append(n, Notice{NoticeNoTargets, strings.Join(nobody, ", ")})
	}
	if l.Lock != nil && l.Incoming.Allow != AllowNone && l.Incoming.Talk != "" &&
		slices.ContainsFunc(l.Lock.Codes, func(code string) bool { return strings.Contains(l.Incoming.Talk, code) }) {
		n = append(n, Notice{Kind: NoticeTalkOpensDoor})
	}
	return n
}

// openNothing names the popup's buttons whose digits this door does not understand. A door without a lock is not asked to.
func openNothing(s Settings) []string {
	if s.Local.Lock == nil {
		return nil
	}
	var buttons []string
	for i, b := range s.Popup.DTMF {
		sent := keysOf(b.Digits)
		understood := func(code string) bool { return opens(sent, code) }
		if slices.ContainsFunc(s.Local.Lock.Codes, understood) || s.Local.Incoming.Talk != "" && strings.Contains(sent, s.Local.Incoming.Talk) {
			continue
		}
		name := strconv.Quote(b.Label)
		if b.Label == "" {
			name = fmt.Sprintf("without a label (dtmf button %d)", i+1)
		}
		buttons = append(buttons, "popup button "+name)
	}
	return buttons
}

// opens tells whether digits that are sent in one go open the door with a code, as the door matches: one of one or two keys wherever it
// comes, a longer one from its first key on, at the beginning or after a #.
func opens(sent, code string) bool {
	const keyLength = 2
	return len(code) <= keyLength && strings.Contains(sent, code) || strings.HasPrefix(sent, code) || strings.Contains(sent, "#"+code)
}

// notSent says how many of the lock's codes no button of the popup sends.
func notSent(s Settings) []string {
	if s.Local.Lock == nil {
		return nil
	}
	missing := 0
	for _, code := range s.Local.Lock.Codes {
		if !slices.ContainsFunc(s.Popup.DTMF, func(b DTMFButton) bool { return opens(keysOf(b.Digits), code) }) {
			missing++
		}
	}
	if missing == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d of the %d in lock.codes", missing, len(s.Local.Lock.Codes))}
}

// keysOf leaves of what a button sends the telephone's keys, as they arrive at the door: a comma, for instance, is a pause.
func keysOf(digits string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune("0123456789*#ABCD", c) {
			return c
		}
		return -1
	}, strings.ToUpper(digits))
}
