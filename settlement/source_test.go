package settlement

import (
	"context"
	"errors"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// sourceFake is a log that ends at end and a store that has everything below
// next; the CDR shows from the look on whose number is found.
type sourceFake struct {
	ingest.Reader
	end, next    int64
	found, looks int
	broken       error
}

func (f *sourceFake) Place(topic ingest.Topic, _ ocpi.Key) ingest.Partition {
	return ingest.Partition{Topic: topic, Epoch: 1}
}

func (f *sourceFake) Bounds(context.Context, ingest.Partition) (start, end int64, err error) {
	return 0, f.end, f.broken
}

func (f *sourceFake) Checkpoint(context.Context, ingest.Partition) (int64, error) { return f.next, nil }

func (f *sourceFake) CDRRaw(context.Context, ocpi.Key) ([]byte, ocpi.Version, ingest.Position, error) {
	if f.looks++; f.found == 0 || f.looks < f.found {
		return nil, 0, ingest.Position{}, ErrNotFound
	}
	return []byte("{}"), ocpi.V221, ingest.Position{}, nil
}

func TestSource(t *testing.T) {
	for name, tt := range map[string]struct {
		fake sourceFake
		want error
	}{
		"there":                       {sourceFake{found: 1, end: 9}, nil},
		"nowhere":                     {sourceFake{end: 9, next: 9}, ErrNotFound},
		"on its way":                  {sourceFake{end: 9, next: 8}, ErrNotYet},
		"came while we looked":        {sourceFake{found: 2, end: 9, next: 9}, nil},
		"a log that cannot be asked":  {sourceFake{broken: errors.New("away")}, ErrUnavailable},
		"there, whatever the log has": {sourceFake{found: 1, broken: errors.New("away")}, nil},
	} {
		raw, _, err := Source{Store: &tt.fake, Log: &tt.fake}.CDR(t.Context(), ocpi.NewKey("GB", "DUN", "1"))
		if !errors.Is(err, tt.want) || tt.want == nil && string(raw) != "{}" {
			t.Errorf("%s: %q, %v", name, raw, err)
		}
	}
}
