package control

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// twoPartners is a log with Dundee at offset 0 and Perth at offset 1.
func twoPartners(t *testing.T) *ingesttest.Log {
	log := ingesttest.NewLog(1)
	c := start(t, log, nil)
	perth := NewPartner{Name: "Perth", Roles: []Role{NewRole("CPO", "GB", "PKC")}, Token: "perth-token"}
	for _, n := range []NewPartner{dundee(), perth} {
		if _, _, err := c.partners.Add(t.Context(), "", n); err != nil {
			t.Fatal(err)
		}
	}
	return log
}

// A record that this version cannot read ends what it decides, not its life:
// what stands before counts, nothing after does, and whoever asks is told.
func TestFoldHaltsBeforeWhatItCannotRead(t *testing.T) {
	tests := map[string]struct{ body, want string }{
		"unknown kind":   {`{"type":"moon.landed","v":1,"command":"x","at":1,"data":{}}`, `"moon.landed" version 1 is unknown`},
		"newer version":  {`{"type":"partner.removed","v":2,"command":"x","at":1,"data":{}}`, `"partner.removed" version 2 is unknown`},
		"unknown member": {`{"type":"partner.removed","v":1,"command":"x","at":1,"data":{"id":"x","why":1}}`, "why: no such member"},
		"not JSON":       {`{`, "before record 1"},
		"two values":     {`{}{}`, "after top-level value"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			log := twoPartners(t)
			log.Damage(log.Partitions(ingest.TopicControl)[0], func(r []ingest.Record) { r[1].Body = []byte(tt.body) })
			synctest.Test(t, func(t *testing.T) {
				c := open(t, log, Options{})
				controltest.Run(t, c) // and Run returns nil at the end: the process lives
				check := func(what string, err error) {
					t.Helper()
					if !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), tt.want) {
						t.Errorf("%s says %v, want ErrNotReady with %q", what, err, tt.want)
					}
				}
				check("WaitReady", c.WaitReady(t.Context()))
				check("Ready", c.Ready())
				check("CatchUp", c.CatchUp(t.Context()))
				_, _, err := c.partners.Add(t.Context(), "", NewPartner{Name: "Angus", Roles: []Role{NewRole("CPO", "GB", "ANG")}})
				check("Add", err)
				if _, ok := c.partners.Find("gb-dun-cpo"); !ok || c.Next() != 1 || c.WaitNext(t.Context(), 1) != nil {
					t.Errorf("folded up to %d, Dundee known: %v, want what stands before the record", c.Next(), ok)
				}
			})
		})
	}
}

// A command whose record comes after one that cannot be read is in the log and
// not decided: its outcome is unknown. A version that knows the kind goes on.
func TestHaltUnderACommandAndAfterAnUpgrade(t *testing.T) {
	log := twoPartners(t)
	synctest.Test(t, func(t *testing.T) {
		c := start(t, log, nil)
		newer := []byte(`{"type":"moon.landed","v":1,"command":"x","at":1,"data":{"site":"Tranquility"}}`)
		log.Precede(newer)
		err := c.partners.Remove(t.Context(), "", "gb-dun-cpo", 0)
		if !errors.Is(err, ingest.ErrOutcomeUnknown) || !strings.Contains(err.Error(), "moon.landed") {
			t.Errorf("got %v", err)
		}

		upgraded := open(t, log, Options{})
		var sites []string
		upgraded.Register(func() {}, On(func(_ Event, l moonLanded) error {
			sites = append(sites, l.Site)
			return nil
		}))
		controltest.Run(t, upgraded)
		if err := upgraded.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, ok := upgraded.partners.Find("gb-dun-cpo"); ok || len(sites) != 1 || upgraded.Ready() != nil {
			t.Errorf("Dundee is known: %v, landed at %v, ready: %v", ok, sites, upgraded.Ready())
		}
	})
}

type moonLanded struct {
	Site string `json:"site"`
}

func (moonLanded) Kind() Kind        { return Kind{"moon.landed", 1} }
func (c moonLanded) Validate() error { return validateName("site", c.Site) }

// What no domain registered is not written either: it would halt every process.
func TestUnregisteredKindsAreNotAppended(t *testing.T) {
	log := ingesttest.NewLog(1)
	c := start(t, log, nil)
	if _, err := c.Do(t.Context(), Command{Change: moonLanded{"Tranquility"}}); err == nil {
		t.Error("appended")
	}
	if _, end, err := log.Bounds(t.Context(), log.Partitions(ingest.TopicControl)[0]); err != nil || end != 0 {
		t.Errorf("the log ends at %d, %v", end, err)
	}
}

func TestRunStopsWhereRecordsAreMissing(t *testing.T) {
	log := twoPartners(t)
	log.Damage(log.Partitions(ingest.TopicControl)[0], func(r []ingest.Record) { r[1].Offset = 3 })
	c := open(t, log, Options{Now: func() ocpi.Time { return 1 }})
	if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "records are missing") {
		t.Errorf("got %v", err)
	}
}
