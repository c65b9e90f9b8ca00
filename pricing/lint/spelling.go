package lint

import (
	"strings"
	"unicode"
)

// nearest returns the known word that a misspelt one most likely stands for,
// and whether they differ only in case, spaces and punctuation. "" means that
// none is near enough.
func nearest(word string, known []string) (match string, onlyCase bool) {
	if len(word) > 40 {
		return "", false
	}
	folded := fold(word)
	best := 1 + min(2, len(folded)/4)
	for _, k := range known {
		target := fold(k)
		if folded == target {
			return k, true
		}
		if d := distance(folded, target); d < best {
			match, best = k, d
		}
	}
	return match, false
}

// fold leaves the letters and digits of a word, in lower case.
func fold(word string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, word)
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that make b of a.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
