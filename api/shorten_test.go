package api

import "testing"

// What is cut ends between two characters, wherever the bound falls.
func TestShorten(t *testing.T) {
	for _, tt := range []struct {
		text string
		most int
		want string
	}{
		{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"},
		{"Störung", 3, "St…"}, {"Störung", 4, "Stö…"}, {"充電", 2, "…"}, {"充電", 5, "充…"}, {"充電", 6, "充電"},
	} {
		if got := Shorten(tt.text, tt.most); got != tt.want {
			t.Errorf("%q within %d bytes: %q, want %q", tt.text, tt.most, got, tt.want)
		}
	}
}
