package partner

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ocpi"
)

// Pulls are counted by module and outcome, whoever they are of.
func TestPullMetrics(t *testing.T) {
	s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimPrefix(r.URL.Path, "/") {
		case "tariffs":
			_, _ = w.Write([]byte(ok(tariff("TNM", "T1"), tariff("TNM", "bad"))))
		case "sessions":
			w.WriteHeader(http.StatusNotFound)
		default:
			w.Header().Set("Link", `<?limit=100&offset=0>; rel="next"`)
			_, _ = w.Write([]byte(ok(`{"id":"L1"}`)))
		}
	})
	p, reg := testPuller(t, newIntake()), prometheus.NewRegistry()
	p.Metrics = NewMetrics(reg)
	if _, err := everything(p, registered(t, ocpi.V221, s.URL, "tariffs", "sessions", "locations")); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "roamclear_pull_")
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			if v := m.GetCounter().GetValue() + m.GetGauge().GetValue(); v != 0 {
				got[name] = v
			}
		}
	}
	want := map[string]float64{
		"lists_total locations endless": 1, "lists_total sessions failed": 1, "lists_total tariffs whole": 1,
		"objects_total locations refused": 1, "objects_total tariffs never_pushed": 1, "objects_total tariffs refused": 1,
		"pages_total locations": 1, "pages_total tariffs": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
