package lab_test

import (
	"os"
	"testing"

	"doorstation/test/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

func TestAsteriskStartsTellsAndRestarts(t *testing.T) {
	pbx := lab.StartAsterisk(t, lab.AsteriskOptions{})
	if n := pbx.Channels(t); n != 0 {
		t.Errorf("a fresh Asterisk has %d channels", n)
	}
	if pbx.Registered(t, "101") {
		t.Error("101 is registered although nobody did")
	}
	pbx.Restart(t)
	if n := pbx.Channels(t); n != 0 {
		t.Errorf("a restarted Asterisk has %d channels", n)
	}
	t.Log(pbx.CLI(t, "module show like h264"), pbx.CLI(t, "pjsip show endpoints"))
}
