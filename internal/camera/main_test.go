package camera

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the tests, or takes the part of a camera's program when a test starts this binary as one.
func TestMain(m *testing.M) {
	if role := os.Getenv(standInRole); role != "" {
		if err := standIn(role, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "ERROR: ***", err, "***")
			os.Exit(255)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
