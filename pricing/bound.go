package pricing

import (
	"fmt"
	"unicode/utf8"

	"github.com/roamclear/roamclear/ocpi"
)

// Bounds of what one outcome says beside its figures. They keep what is written
// within a small multiple of what was sent: a CDR may be built to be found fault
// with in thousands of ways.
const (
	maxFindings      = 200
	maxFindingsBytes = 16 << 10 // as JSON
	maxFindingText   = 400      // bytes of a path, and of a sentence
	maxDetail        = 2_000    // bytes of why a CDR is rejected
	maxReadings      = 20       // of a reconciliation
)

// boundFindings returns the findings that fit, in their order; where not all do,
// the serious ones before warnings before the rest, and a last one that counts
// what was left out.
func boundFindings(list []ocpi.Finding) []ocpi.Finding {
	if roughly := rawBytes(list); len(list) <= maxFindings && roughly <= maxFindingsBytes/6 {
		return list // even if every byte had to be escaped
	}
	keep, left, room := make([]bool, len(list)), maxFindings-1, maxFindingsBytes-256
	var dropped [ocpi.Serious + 1]int
	for severity := ocpi.Serious; ; severity-- {
		for i := range list {
			f := cutFinding(list[i])
			if f.Severity != severity {
				continue
			}
			if size := jsonBytes(&f); left > 0 && size <= room {
				keep[i], left, room = true, left-1, room-size
				continue
			}
			dropped[severity]++
		}
		if severity == ocpi.Info {
			break
		}
	}
	var kept []ocpi.Finding
	for i := range list {
		if keep[i] {
			kept = append(kept, cutFinding(list[i]))
		}
	}
	if n := len(list) - len(kept); n > 0 {
		kept = append(kept, ocpi.Finding{Code: "findings_left_out", Severity: ocpi.Info,
			Detail: fmt.Sprintf("%d more findings are left out: %d serious, %d warnings, %d infos", n, dropped[ocpi.Serious], dropped[ocpi.Warning], dropped[ocpi.Info])})
	}
	return kept
}

func cutFinding(f ocpi.Finding) ocpi.Finding {
	f.Path, f.Detail = cutText(f.Path, maxFindingText), cutText(f.Detail, maxFindingText)
	return f
}

// cutText shortens a text to at most limit bytes and says so.
func cutText(s string, limit int) string {
	const sign = "…"
	if len(s) <= limit {
		return s
	}
	end := limit - len(sign)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + sign
}

// findingFrame is what a finding takes as JSON beside its texts.
const findingFrame = len(`{"code":"","severity":"warning","path":"","detail":""},`)

func rawBytes(list []ocpi.Finding) (n int) {
	for i := range list {
		n += findingFrame + len(list[i].Code) + len(list[i].Path) + len(list[i].Detail)
	}
	return n
}

// jsonBytes is what a finding takes as JSON.
func jsonBytes(f *ocpi.Finding) int {
	n := findingFrame
	for _, s := range [...]string{f.Code, f.Path, f.Detail} {
		for i := range len(s) {
			switch c := s[i]; {
			case c == '"' || c == '\\':
				n += 2
			case c < ' ' || c == '<' || c == '>' || c == '&' || c >= utf8.RuneSelf:
				n += 6 // an escape at most
			default:
				n++
			}
		}
	}
	return n
}
