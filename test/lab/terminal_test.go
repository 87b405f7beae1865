package lab

import "testing"

func TestWhatATerminalShows(t *testing.T) {
	for sent, want := range map[string]string{
		"\x1b[1;31mred\x1b[0m, \x1b[?25lno cursor, \x1b[2K\x1b[38:5:4mblue":         "red, no cursor, blue",
		"\x1b]0;a title\x07text\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\": "textlink",
		"\x1bPq a picture\nof two lines\x1b\\below\x1b_G\x1b\\":                     "below",
		"\x1b(B\x1b=\x1b>\x1b7\x1b8\x1bc\x1bMplain\r\n":                             "plain\r\n",
	} {
		if got := WithoutEscapes(sent); got != want {
			t.Errorf("%q shows %q, want %q", sent, got, want)
		}
	}
}
