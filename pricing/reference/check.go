package reference

import (
	"context"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/lint"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Check returns what is found in an object, beyond what the decoder finds, before
// it is accepted: the same that its push is answered with after. The error is that
// of the context: a Tariff waits for those that are checked already.
func (x *Index) Check(ctx context.Context, o ingest.Object, v ocpi.Version, body []byte) ([]ocpi.Finding, error) {
	switch o {
	case ingest.ObjectTariff:
		select {
		case x.lints <- struct{}{}:
			defer func() { <-x.lints }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return lint.Tariff(body, v).Findings, nil
	case ingest.ObjectLocation:
		var d ocpi.Decoder
		l, err := d.Location(v, body)
		if err != nil {
			return nil, err
		}
		return tariff.ZoneFindings(l.TimeZone), nil
	}
	return nil, nil
}
