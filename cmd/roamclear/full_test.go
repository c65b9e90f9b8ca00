package main

import (
	"errors"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/kafka"
)

// At the log's cap nothing is taken from partners, but the one that fills it
// can be told so: its token ends, it is removed.
func TestDecisionsInAFullLog(t *testing.T) {
	broker, err := kafka.StartEmbedded(t.Context(), kafka.EmbeddedOptions{Dir: t.TempDir(), CapBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Close() })
	o := broker.Options()
	o.Epoch = logEpoch
	log, err := kafka.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	d, err := openDecisions(t.Context(), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	controltest.Run(t, d.machine)

	if _, err := log.Append(t.Context(), ingest.TopicCDRs, &ingest.Envelope{Received: 1}, []byte("{}")); !broker.Full() || !errors.Is(err, ingest.ErrOverload) {
		t.Fatalf("full: %v, push: %v", broker.Full(), err)
	}
	n := control.NewPartner{Name: "Dundee", Roles: []control.Role{control.NewRole("CPO", "GB", "DUN")}, Token: "leaked-token"}
	if _, _, err := d.partners.Add(t.Context(), "", n); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.partners.Rotate(t.Context(), "", "gb-dun-cpo", 0, control.Rotation{Now: true}); err != nil {
		t.Error(err)
	}
	if err := d.partners.Remove(t.Context(), "", "gb-dun-cpo", 0); err != nil {
		t.Error(err)
	}
	if _, ok := d.partners.Authenticate("Token leaked-token"); ok {
		t.Error("the partner that fills the log still may")
	}
}
