package clickhouse

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Each content is read once, the first copy first, and no more of them than fit.
func TestContents(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, `
		FR*BEL FR*IZI p1 2019-01-09 EUR 2.00/2.40 priced 2.00/2.40 - #a
		FR*BEL FR*IZI p1 2019-01-09 EUR 3.00/3.60 priced 3.00/3.60 - #b
		FR*BEL FR*IZI p1 2019-01-09 EUR 2.00/2.40 priced 2.00/2.40 - #a
		FR*BEL FR*IZI p1 2019-01-09 EUR 3.00/3.60 priced 3.00/3.60 - #b
		FR*BEL FR*IZI p1 2019-01-09 EUR 4.00/4.80 priced 4.00/4.80 - #c
		FR*BEL FR*IZI p2 2019-01-09 EUR 4.00/4.80 priced 4.00/4.80 - #a
		FR*BEL FR*IZI p3 2019-01-09 EUR 4.00/4.80 priced 4.00/4.80 - #a
		FR*BEL FR*IZI p3 2019-01-09 EUR 4.00/4.80 priced 4.00/4.80 - #b
		FR*BEL FR*IZI p3 2019-01-09 EUR 4.00/4.80 priced 4.00/4.80 - #c`)
	for i := range b.Rows {
		b.Rows[i].Record.Body = fmt.Appendf(nil, "body %d", i)
		if i > 5 {
			b.Rows[i].Record.Body = bytes.Repeat([]byte{'x'}, 700<<10)
		}
	}
	write(t, s, b)
	for id, want := range map[string]string{"P1": "0:6 false, 1:6 true, 4:6 true; 0 more", "P2": "5:6 false; 0 more", "P3": "6:716800 false, 7:716800 true; 1 more"} {
		got, err := s.Contents(t.Context(), ocpi.NewKey("FR", "BEL", id))
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, c := range append([]settlement.CopyBody{got.Counts}, got.Others...) {
			if c.Version != ocpi.V221 {
				t.Errorf("%s: version %s", id, c.Version)
			}
			texts = append(texts, fmt.Sprintf("%d:%d %v", c.Position.Offset, len(c.Body), c.Conflict))
		}
		if text := fmt.Sprintf("%s; %d more", strings.Join(texts, ", "), got.More); text != want {
			t.Errorf("%s: %s, want %s", id, text, want)
		}
	}
	if _, err := s.Contents(t.Context(), ocpi.NewKey("FR", "BEL", "NONE")); !errors.Is(err, settlement.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
}
