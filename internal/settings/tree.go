package settings

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// tree is a local file as it would be written: a group of keys, a list of groups, or the text of a value. It is what two Locals are
// compared by, key by key.
type tree struct {
	keys  []string
	group map[string]*tree
	list  []*tree
	text  string // of a value: YAML on one line
}

func (t *tree) isList() bool  { return t.list != nil }
func (t *tree) isGroup() bool { return t.group != nil }

// equal compares what would be written.
func (t *tree) equal(o *tree) bool {
	switch {
	case t == nil || o == nil:
		return t == o
	case t.isGroup():
		return o.isGroup() && slices.Equal(t.keys, o.keys) &&
			!slices.ContainsFunc(t.keys, func(k string) bool { return !t.group[k].equal(o.group[k]) })
	default:
		return t.isGroup() == o.isGroup() && t.text == o.text && slices.EqualFunc(t.list, o.list, (*tree).equal)
	}
}

// set adds a key with a value or a group. Nil leaves it out.
func (t *tree) set(key string, v *tree) *tree {
	if v == nil {
		return t
	}
	t.keys = append(t.keys, key)
	t.group[key] = v
	return t
}

func newGroup() *tree { return &tree{group: make(map[string]*tree)} }

func word(s string) *tree { return &tree{text: quoteYAML(s)} }

func plainText(s string) *tree { return &tree{text: s} }

func truth(b bool) *tree { return plainText(strconv.FormatBool(b)) }

func whole(n int) *tree { return plainText(strconv.Itoa(n)) }

func length(d time.Duration) *tree { return plainText(short(d)) }

func bits(n int) *tree {
	switch {
	case n%1_000_000 == 0:
		return plainText(strconv.Itoa(n/1_000_000) + "M")
	case n%1_000 == 0:
		return plainText(strconv.Itoa(n/1_000) + "k")
	default:
		return whole(n)
	}
}

// texts is a list of texts on one line, each in quotes: extensions and codes look like numbers. None is left out.
func texts(all []string) *tree {
	if len(all) == 0 {
		return nil
	}
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = doubleQuoted(s)
	}
	return plainText("[" + strings.Join(quoted, ", ") + "]")
}

// emptyIsNone is a text whose key is left out when it is empty.
func emptyIsNone(s string) *tree {
	if s == "" {
		return nil
	}
	return word(s)
}

// fileTree is the whole file, in the order of the example. With spelled, what follows from other keys is in it, too.
func fileTree(l Local, spelled bool) *tree {
	t := newGroup()
	t.set("home_assistant", newGroup().
		set("url", word(l.HomeAssistant.URL)).
		set("token_file", emptyIsNone(l.HomeAssistant.TokenFile)).
		set("tls", tlsTree(l.HomeAssistant.TLS)))
	t.set("sip", newGroup().
		set("extension", word(l.SIP.Extension)).
		set("transport", word(l.SIP.Transport)).
		set("server", word(l.SIP.Server)).
		set("tls", tlsTree(l.SIP.TLS)))
	t.set("gpio", word(l.GPIO))
	t.set("buttons", listOf(l.Buttons, buttonTree))
	t.set("lock", lockTree(l.Lock))
	if l.Light != nil {
		t.set("light", newGroup().set("pin", pinTree(l.Light.Pin)).set("active", word(l.Light.Active)))
	}
	t.set("leds", listOf(l.LEDs, func(led LED) *tree {
		return newGroup().set("pin", pinTree(led.Pin)).set("active", word(led.Active)).set("show", word(led.Show))
	}))
	t.set("inputs", inputsTree(l.Inputs))
	t.set("call", newGroup().set("video", word(l.Call.Video)).set("max_talk", length(l.Call.MaxTalk)))
	t.set("incoming", incomingTree(l.Incoming))
	t.set("camera", cameraTree(l.Camera, spelled))
	t.set("audio", audioTree(l.Audio))
	t.set("monitor", newGroup().set("listen", listenTree(l.Monitor.Listen)))
	t.set("page", newGroup().
		set("listen", listenTree(l.Page.Listen)).set("password_file", word(l.Page.PasswordFile)).set("names", texts(l.Page.Names)))
	t.set("log", newGroup().set("level", word(l.Log.Level)).set("format", word(l.Log.Format)))
	return t
}

func listOf[T any](all []T, one func(T) *tree) *tree {
	if len(all) == 0 {
		return nil
	}
	t := &tree{list: make([]*tree, len(all))}
	for i, v := range all {
		t.list[i] = one(v)
	}
	return t
}

func listenTree(address string) *tree {
	if address == "" {
		return word("none")
	}
	return word(address)
}

func tlsTree(t TLS) *tree {
	return newGroup().set("ca_file", word(t.CAFile)).set("skip_verify", truth(t.SkipVerify))
}

func pinTree(p Pin) *tree {
	if p.Chip == "" {
		return word(p.Name)
	}
	return plainText("{chip: " + quoteYAML(p.Chip) + ", line: " + strconv.Itoa(p.Line) + "}")
}

func buttonTree(b Button) *tree {
	return newGroup().
		set("name", word(b.Name)).set("pin", pinTree(b.Pin)).set("active", word(b.Active)).set("pull", word(b.Pull)).
		set("debounce", length(b.Debounce)).set("hold", length(b.Hold)).
		set("call", stepsTree(b.Call)).
		set("step", length(b.Step)).set("keep_ringing", truth(b.KeepRinging)).set("ring", length(b.Ring))
}

// stepsTree writes one step as a list of extensions, several as a list of lists.
func stepsTree(steps [][]string) *tree {
	if len(steps) <= 1 {
		return texts(slices.Concat(steps...))
	}
	all := make([]string, len(steps))
	for i, s := range steps {
		all[i] = "[]"
		if one := texts(s); one != nil {
			all[i] = one.text
		}
	}
	return plainText("[" + strings.Join(all, ", ") + "]")
}

func lockTree(l *Lock) *tree {
	if l == nil {
		return nil
	}
	return newGroup().
		set("pin", pinTree(l.Pin)).set("active", word(l.Active)).set("pulse", length(l.Pulse)).set("max_open", length(l.MaxOpen)).
		set("codes", texts(l.Codes)).set("codes_file", word(l.CodesFile))
}

func inputsTree(in Inputs) *tree {
	if in.Contact == nil && in.Tamper == nil {
		return nil
	}
	t := newGroup()
	if c := in.Contact; c != nil {
		t.set("contact", newGroup().
			set("pin", pinTree(c.Pin)).set("open", word(c.Open)).set("pull", word(c.Pull)).set("debounce", length(c.Debounce)).
			set("left_open", length(c.LeftOpen)).set("forced", truth(c.Forced)))
	}
	if s := in.Tamper; s != nil {
		t.set("tamper", newGroup().
			set("pin", pinTree(s.Pin)).set("active", word(s.Active)).set("pull", word(s.Pull)).set("debounce", length(s.Debounce)).
			set("block_lock", truth(s.BlockLock)))
	}
	return t
}

func incomingTree(in Incoming) *tree {
	allow := word(in.Allow)
	if in.Allow == AllowList {
		allow = texts(in.Callers)
	}
	return newGroup().set("allow", allow).set("answer", word(in.Answer)).set("talk", plainText(doubleQuoted(in.Talk)))
}

// cameraTree leaves the bounds of the bit rate out where they are what follows from it, unless they are to be spelled.
func cameraTree(c Camera, spelled bool) *tree {
	t := newGroup().
		set("source", word(c.Source)).set("command", texts(c.Command)).
		set("device", word(c.Device)).set("encoder", word(c.Encoder)).
		set("rotation", whole(c.Rotation)).set("mirror", truth(c.Mirror)).
		set("overlay", newGroup().set("text", word(c.Overlay.Text)).set("time", truth(c.Overlay.Time))).
		set("width", whole(c.Width)).set("height", whole(c.Height)).set("framerate", whole(c.Framerate)).
		set("bitrate", bits(c.Bitrate))
	if spelled || c.MinBitrate != min(usualMinBitrate, c.Bitrate) {
		t.set("min_bitrate", bits(c.MinBitrate))
	}
	if spelled || c.MaxBitrate != c.Bitrate {
		t.set("max_bitrate", bits(c.MaxBitrate))
	}
	return t
}

func audioTree(a Audio) *tree {
	gain := word("auto")
	if !a.AutoGain {
		gain = whole(a.GainDB)
	}
	t := newGroup().
		set("device", word(a.Device)).set("echo_cancellation", truth(a.EchoCancellation)).
		set("noise_suppression", truth(a.NoiseSuppression)).set("microphone_gain", gain).
		set("volume", whole(a.Volume)).set("tone_volume", whole(a.ToneVolume))
	if len(a.Tones) > 0 {
		tones := newGroup()
		for _, name := range ToneNames() {
			tones.set(name, emptyIsNone(a.Tones[name]))
		}
		t.set("tones", tones)
	}
	return t
}
