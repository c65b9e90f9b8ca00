package clearing

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Shown is what a person was shown of a CDR that waits for a decision.
type Shown struct {
	Key               ocpi.Key
	Version           uint64   // of its result
	Grounds           []string // codes, in whatever order
	Claimed, Computed *Amount  // nil: not known
}

// DigestOf returns the digest of what was shown, in whatever order. It is SHA-256 over a
// line each, in the order of the keys: the key, quoted as in Go, the version, the codes of
// grounds in order, and claimed and computed, each before tax and the tax, exact and as
// short as they can be; "-" is what is not known.
func DigestOf(list []Shown) ingest.Digest {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Shown) int {
		return cmp.Or(compareParties(a.Key.Party, b.Key.Party), strings.Compare(a.Key.ID, b.Key.ID))
	})
	h := sha256.New()
	var line []byte
	for i := range list {
		line = list[i].line(line[:0])
		h.Write(line)
	}
	return ingest.Digest(h.Sum(nil))
}

func (s *Shown) line(b []byte) []byte {
	grounds := slices.Clone(s.Grounds)
	slices.Sort(grounds)
	b = strconv.AppendQuote(b, s.Key.String())
	b = append(b, ' ')
	b = strconv.AppendUint(b, s.Version, 10)
	b = append(b, ' ')
	b = append(b, strings.Join(slices.Compact(grounds), ",")...)
	for _, a := range [...]*Amount{s.Claimed, s.Computed} {
		if a == nil {
			b = append(b, " - -"...)
			continue
		}
		b = append(append(b, ' '), a.Net.String()...)
		if a.Tax == nil {
			b = append(b, " -"...)
			continue
		}
		b = append(append(b, ' '), a.Tax.String()...)
	}
	return append(b, '\n')
}
