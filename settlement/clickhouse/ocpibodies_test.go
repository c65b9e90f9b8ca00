package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/roamclear/roamclear/settlement"
)

// A page is read at once, or as much of it as fits, whatever the sizes of its bodies:
// what was too much is not asked for in many small steps.
func TestAPageIsReadInFewQueries(t *testing.T) {
	const kb, mb = 1000, 1_000_000
	sizes := func(n, size int) []int { return slices.Repeat([]int{size}, n) }
	for _, tt := range []struct {
		name  string
		sizes []int
		mean  int // of the page before
		taken int
		reads string // how many bodies were asked for each time
	}{
		{"none", nil, 0, 0, "[]"},
		{"few", sizes(3, kb), 0, 3, "[3]"},
		{"Tokens", sizes(500, kb/2), 0, 500, "[500]"},
		{"Tokens, further on", sizes(500, kb/2), kb / 2, 500, "[500]"},
		{"CDRs", sizes(500, 3*kb), 0, 349, "[500]"},
		{"CDRs, further on", sizes(500, 3*kb), 3 * kb, 349, "[393]"},
		{"Locations", sizes(500, 20*kb), 0, 52, "[500 59]"},
		{"Locations, further on", sizes(500, 20*kb), 20 * kb, 52, "[59]"},
		{"large ones", sizes(500, mb), 0, 1, "[500 2]"},
		{"larger than a page", sizes(500, 3*mb), 0, 1, "[500 1]"},
		{"one large one in front", append(sizes(1, 2*mb), sizes(99, kb)...), 0, 1, "[100]"},
		{"one large one in the middle", slices.Concat(sizes(50, kb), sizes(1, 5*mb), sizes(49, kb)), 0, 50, "[100 14 50 11 25 25 1]"},
		{"smaller than they were", sizes(500, kb), 50 * kb, 500, "[23 477]"},
		{"larger than they were", sizes(500, 100*kb), kb, 10, "[500 12]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rows := make([]listed, len(tt.sizes))
			for i := range rows {
				rows[i].position.Offset = int64(i)
			}
			reads := []int{}
			read := func(_ context.Context, rows []listed) ([]listedBody, error) {
				reads = append(reads, len(rows))
				bodies, size := make([]listedBody, len(rows)), 0
				for i := range rows {
					bodies[i] = listedBody{found: true, raw: make([]byte, tt.sizes[rows[i].position.Offset])}
					if size += len(bodies[i].raw); size > chunkBytes && len(rows) > 1 {
						return nil, &chunkError{i + 1}
					}
				}
				return bodies, nil
			}
			var page settlement.OCPIPage
			taken, _, err := new(Store).addBodies(t.Context(), "bodies", &page, rows, tt.mean, read)
			if err != nil || taken != tt.taken || len(page.Bodies) != tt.taken {
				t.Errorf("%d taken, %d shown, %v; want %d", taken, len(page.Bodies), err, tt.taken)
			}
			if got := fmt.Sprint(reads); got != tt.reads {
				t.Errorf("asked for %s, want %s", got, tt.reads)
			}
		})
	}
}
