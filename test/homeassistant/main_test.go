package homeassistant

import (
	"os"
	"testing"

	"doorstation/test/lab"
)

// TestMain runs the tests in the lab.
func TestMain(m *testing.M) { os.Exit(lab.Main(m, lab.PartAsterisk, lab.PartHomeAssistant)) }
