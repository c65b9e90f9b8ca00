package partner

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// A hub is asked for what it has of all: what is of parties that it was not granted is
// passed over and counted, so that it does not push out what others are to mend. Its
// own are kept where they cannot be used, as is what does not say whose it is.
func TestWhatAHubShowsOfOthers(t *testing.T) {
	items := []string{tariff("TNM", "T1"), tariff("TNM", "bad"), `{"id":"T2"}`}
	for n := range 50 {
		items = append(items, tariff(fmt.Sprintf("Z%02d", n), "T1"), tariff(fmt.Sprintf("Z%02d", n), "bad"))
	}
	for name, c := range map[string]struct {
		roles []control.Role
		to    string
		want  PulledModule
	}{
		"a hub":           {[]control.Role{control.NewRole("CPO", "NL", "TNM"), control.NewRole("HUB", "NL", "HUB")}, "NLHUB", PulledModule{Module: "tariffs", Read: 103, New: 1, NeverPushed: 1, Refused: 2, Anothers: 100}},
		"of some parties": {[]control.Role{control.NewRole("CPO", "NL", "TNM"), control.NewRole("CPO", "NL", "Z07"), control.NewRole("HUB", "NL", "HUB")}, "NLHUB", PulledModule{Module: "tariffs", Read: 103, New: 2, NeverPushed: 2, Refused: 3, Anothers: 98}},
		"no hub":          {[]control.Role{control.NewRole("CPO", "NL", "TNM")}, "NLTNM", PulledModule{Module: "tariffs", Read: 103, New: 1, NeverPushed: 1, Refused: 102}},
	} {
		s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
			if to := r.Header.Get(ocpi.HeaderToCountry) + r.Header.Get(ocpi.HeaderToParty); to != c.to {
				t.Errorf("%s: asked for what %q has", name, to)
			}
			_, _ = w.Write([]byte(ok(items...)))
		})
		peer := registered(t, ocpi.V221, s.URL, "tariffs").Peer
		one := testPartner(t, c.roles...)
		one.Peer = peer
		i := newIntake()
		p := testPuller(t, i)
		p.Metrics = NewMetrics(prometheus.NewRegistry())
		got, err := everything(p, one)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]PulledModule{c.want}, got.Modules); diff != "" || len(i.refused) != c.want.Refused {
			t.Errorf("%s: %d are kept as refused: %s", name, len(i.refused), diff)
		}
	}
}
