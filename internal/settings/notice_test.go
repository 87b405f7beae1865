package settings

import (
	"fmt"
	"strings"
	"testing"
)

// TestWhatThePopupSendsIsComparedWithWhatTheDoorUnderstands, and whom it calls with whom there is.
func TestWhatThePopupSendsIsComparedWithWhatTheDoorUnderstands(t *testing.T) {
	button := func(label, digits string) DTMFButton { return DTMFButton{label, digits} }
	for _, tt := range []struct {
		name    string
		codes   []string
		buttons []DTMFButton
		local   func(*Local)
		want    string
	}{
		{"all fits", []string{"1"}, []DTMFButton{button("Open", "1")}, nil, ""},
		{"digits before do no harm", []string{"12"}, []DTMFButton{button("Open", "#12")}, nil, ""},
		{"pauses are no digits", []string{"12a"}, []DTMFButton{button("Open", "1,2 A")}, func(l *Local) { l.Lock.Codes[0] = "12A" }, ""},
		{"another digit", []string{"1", "2"}, []DTMFButton{button("Open", "1"), button("Gate", "3"), button("", "4")}, nil,
			`6 popup button "Gate"; popup button without a label (dtmf button 3) | 7 1 of the 2 in lock.codes`},
		{"no button at all", []string{"1"}, nil, nil, "7 1 of the 1 in lock.codes"},
		{"the digits to talk", []string{"1"}, []DTMFButton{button("Open", "1"), button("Talk", "*")}, nil, ""},
		{"no lock", nil, []DTMFButton{button("Open", "1")}, func(l *Local) { l.Lock = nil }, ""},
		{"talk opens the door", []string{"*"}, []DTMFButton{button("Open", "*")}, nil, "8 "},
		{"talk does not matter without calls", []string{"*"}, []DTMFButton{button("Open", "*")}, func(l *Local) { l.Incoming.Allow = AllowNone }, ""},
		{"calls itself", []string{"1"}, []DTMFButton{button("Open", "1")}, func(l *Local) { l.Buttons[0].Call = [][]string{{"101"}, {"200"}} },
			`4 button "Bell" calls 200, the door's own extension`},
		{"a typing error", []string{"1"}, []DTMFButton{button("Open", "1")}, func(l *Local) { l.Buttons[0].Call = [][]string{{"110", "100"}, {"111"}} },
			`5 button "Bell" calls 110; button "Bell" calls 111`},
		{"nobody", []string{"1"}, []DTMFButton{button("Open", "1")}, func(l *Local) { l.Buttons[0].Call = nil }, `3 button "Bell"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := home(func(l *Local) {
				l.Lock = &Lock{Codes: tt.codes}
				l.Incoming = Incoming{Allow: AllowUsers, Answer: "auto", Talk: "*"}
				if tt.local != nil {
					tt.local(l)
				}
			})
			core := SIPCore{
				Users: []User{{HAUsername: "door", Extension: "200"}, {Extension: "101"}}, BackupUser: &User{Extension: "100"},
				SIPVideo: true, Popup: Popup{DTMF: tt.buttons},
			}
			_, notices, err := Merge(l, core, Identity{ID: "door"})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range notices {
				got = append(got, fmt.Sprintf("%d %s", n.Kind, n.Detail))
			}
			if strings.Join(got, " | ") != tt.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, " | "), tt.want)
			}
		})
	}
}
