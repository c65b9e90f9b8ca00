package clickhouse

import (
	"strings"
	"testing"
)

// What the engine prints on its terminal goes into logs and errors as text.
func TestPlainText(t *testing.T) {
	long := strings.Repeat("x", outputKept)
	for in, want := range map[string]string{
		"":      "",
		" \r\n": "",
		"\x1b[1;31mCode: 210.\x1b[0m DB::Exception\r\n":          "Code: 210. DB::Exception",
		"\x1b]0;clickhouse\x07Connected\x1b[?2004h\r\n:) \x1b[K": "Connected\n:)",
		"\x1b]0;title\x1b\\a\x1b(Bb\x1b=c\x1b7d":                 "abcd",
		"a\tb\x00\x08c\x7f\xff é":                                "a\tbc é",
		"31m cut\n" + long:                                       long,
		"no line at all" + long:                                  "no line at all" + long,
	} {
		if got := plainText([]byte(in)); got != want {
			t.Errorf("%.60q: %.60q, want %.60q", in, got, want)
		}
	}
}
