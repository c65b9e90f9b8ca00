package report

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// noted is one delivery.
type noted struct{ ingest.Delivery }

func (n noted) Get(_ context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error) {
	s.Object, s.Key = t.Object, t.Key
	s.Body, err = json.Marshal(n.Delivery)
	return s, t.Object == ingest.ObjectDelivery, err
}

// A refusal is told of the CDR that counts where whom that is claimed from has said it.
func TestWhoseRefusalIsTold(t *testing.T) {
	exw := ocpi.NewParty("NL", "EXW")
	for _, c := range []struct {
		emsp      ocpi.Party
		recipient string
		status    int
		told      int
	}{{exw, "NL*EXW", 2001, 1}, {exw, "NL*EXW", 1000, 0}, {exw, "DE*TNM", 2001, 0}, {ocpi.Party{}, "DE*TNM", 2001, 1}} {
		d := &settlement.CDRDetail{CDRSummary: settlement.CDRSummary{Key: ocpi.NewKey("GB", "DUN", "C1"), EMSP: c.emsp}, Version: ocpi.V221}
		b, err := readBeside(t.Context(), noted{ingest.Delivery{Recipient: c.recipient, Status: c.status}}, d)
		if err != nil || len(b.findings) != c.told {
			t.Errorf("%+v: %+v, %v", c, b, err)
		}
	}
}
