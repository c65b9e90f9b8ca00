package api

import "strings"

// Shorten bounds a text that is told or kept, in bytes: one that is longer is cut between
// two characters, and ends with "…" beyond the bound.
func Shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
