package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ocpi"
)

// TestFaultsByCommand has a peer of every fault of lists, by the command, and pulls from
// it, by the command: all that can be read is read, and the exit code says whether it was.
// One that never answers is left out: it would be waited for as long as is set, many times
// (partner.TestConnectAndPull has it).
func TestFaultsByCommand(t *testing.T) {
	s := startTest(t, t.TempDir())
	versions := []string{"2.1.1", "2.2.1", "2.3.0"}
	t.Run("faults", func(t *testing.T) {
		for n, fault := range append(peer.Faults(peer.Lists), "none") {
			if fault == string(peer.Dead) {
				continue
			}
			t.Run(fault, func(t *testing.T) {
				t.Parallel()
				party := fmt.Sprintf("F%d", n)
				at, token, stop := startPeer(t, "--country", "NL", "--party", party, "--version", versions[n%3], "--fault", fault)
				defer func() {
					if err := stop(); err != nil {
						t.Error(err)
					}
				}()
				if out, err := run(t, newPartnerCmd(), "connect", at, "--token", token, "--role", "CPO", "--data", s.data); err != nil {
					t.Fatal(out, err)
				}
				pull := func() (string, error) {
					return run(t, newPartnerCmd(), "pull", "--country", "NL", "--party", party, "--format", "json", "--data", s.data)
				}
				out, err := pull()
				if peer.Fault(fault) == peer.Shrinking { // the first may be the one that the service makes by itself
					if err != nil {
						t.Fatal(out, err)
					}
					out, err = pull()
				}
				checkFault(t, peer.Fault(fault), out, err)
			})
		}
	})
	for fault, want := range map[string]string{string(peer.Broken): "want an object", string(peer.Lacking): "id: required"} {
		n := slices.Index(peer.Faults(peer.Lists), fault)
		page := s.request(http.MethodGet, fmt.Sprintf("/refused?sender=nl-f%d-cpo", n), "", "")
		if !strings.Contains(page.body, want) {
			t.Errorf("what was refused of %s does not say %q: HTTP %d\n%s", fault, want, page.status, page.body)
		}
	}
	verified(t, s.data)
}

// faulty is what a pull from a peer with a fault comes to.
type faulty struct {
	unread  bool           // no list is read
	read    map[string]int // where it is another number than there are objects
	refused map[string]int
	absent  map[string]int // where anything is absent from a whole list
	doubted bool           // nobody can tell what a list lacks
}

// checkFault holds what a pull from a peer with a fault printed, and its error, which
// is exit code 1, against what may come of it.
func checkFault(t *testing.T, fault peer.Fault, out string, err error) {
	t.Helper()
	failing := faulty{unread: true}
	want := map[peer.Fault]faulty{
		peer.Failing: failing, peer.Refusing: failing, peer.Ending: failing, peer.HTML: failing, peer.Redirect: failing,
		peer.Total:     {doubted: true},
		peer.Doubled:   {doubted: true, read: map[string]int{"locations": 6, "tariffs": 4, "sessions": 50, "cdrs": 50}},
		peer.Shrinking: {read: map[string]int{"locations": 2, "tariffs": 1, "sessions": 24, "cdrs": 24}, absent: map[string]int{"locations": 1, "tariffs": 1}},
		peer.Broken:    {refused: map[string]int{"locations": 1, "tariffs": 1, "sessions": 3, "cdrs": 3}},
		peer.Lacking:   {refused: map[string]int{"locations": 1, "tariffs": 1, "sessions": 3, "cdrs": 3}},
	}[fault]
	var got admin.Pull
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(out, err)
	}
	var usage *exitError
	if (err != nil) != want.unread || errors.As(err, &usage) {
		t.Errorf("exit by %v", err)
	}
	objects := map[string]int{"locations": 3, "tariffs": 2, "sessions": 25, "cdrs": 25}
	if len(got.Modules) != len(objects) {
		t.Errorf("lists: %+v", got.Modules)
	}
	for _, m := range got.Modules {
		read := objects[m.Module]
		if n, ok := want.read[m.Module]; ok {
			read = n
		}
		if want.unread {
			read = 0
		}
		if m.Read != read || m.Refused != want.refused[m.Module] || (m.Error != "") != want.unread {
			t.Errorf("%+v, want %d read, %d refused", m, read, want.refused[m.Module])
		}
		whole := !want.unread && !want.doubted && (m.Module == "locations" || m.Module == "tariffs")
		if (m.Absent != nil) != whole || whole && *m.Absent != want.absent[m.Module] {
			t.Errorf("%s: absent %v, want it known %v: %d", m.Module, m.Absent, whole, want.absent[m.Module])
		}
	}
}

// TestWhatAWholeListLacks pushes a Location that the partner's list does not have: the
// pull says so, on the partner's page too, and keeps it; when the list has it, nothing
// is said any more.
func TestWhatAWholeListLacks(t *testing.T) {
	s := startTest(t, t.TempDir())
	other, err := peer.New(peer.Options{Role: peer.CPO, Party: ocpi.NewParty("NL", "TNM"), Version: ocpi.V221})
	if err != nil {
		t.Fatal(err)
	}
	const location = `{"country_code":"NL","party_id":"TNM","id":"GONE","publish":true,"address":"Main Street 9","city":"Utrecht","country":"NLD",` +
		`"coordinates":{"latitude":"52.091234","longitude":"5.120000"},"time_zone":"Europe/Amsterdam","last_updated":"2026-01-01T00:00:00Z"}`
	var listed atomic.Bool
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if listed.Load() && strings.HasSuffix(r.URL.Path, "/sender/locations") {
			rec := httptest.NewRecorder()
			other.ServeHTTP(rec, r)
			w.Header().Set(ocpi.HeaderTotalCount, "4")
			_, _ = w.Write([]byte(strings.Replace(rec.Body.String(), `"data":[`, `"data":[`+location+`,`, 1)))
			return
		}
		other.ServeHTTP(w, r)
	}))
	t.Cleanup(desk.Close)
	other.SetURL(desk.URL)
	if out, err := run(t, newPartnerCmd(), "connect", other.VersionsURL(), "--token", other.TokenA(), "--data", s.data); err != nil {
		t.Fatal(out, err)
	}
	if got := s.pull("TNM"); got.Modules[0].Absent == nil || *got.Modules[0].Absent != 0 {
		t.Errorf("before: %+v", got.Modules[0])
	}
	if err := other.Call(t.Context(), http.MethodPut, "locations", ocpi.RoleReceiver, "/NL/TNM/GONE", json.RawMessage(location), nil); err != nil {
		t.Fatal(err)
	}
	for _, absent := range []int{1, 1, 0} {
		listed.Store(absent == 0)
		if got := s.pull("TNM").Modules[0]; got.Absent == nil || *got.Absent != absent || got.Error != "" {
			t.Errorf("%+v, want %d absent", got, absent)
		}
		out, err := run(t, newPartnerCmd(), "findings", "nl-tnm-cpo", "--format", "json", "--data", s.data)
		var list admin.FindingList
		if err := errors.Join(err, json.Unmarshal([]byte(out), &list)); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, f := range list.Findings {
			if f.Code == "absent_from_list" {
				ids = f.IDs
			}
		}
		if diff := cmp.Diff([]string{"NL*TNM*GONE"}[:absent], ids); diff != "" && absent+len(ids) > 0 {
			t.Error(diff)
		}
		if page := s.request(http.MethodGet, "/partners/nl-tnm-cpo", "", ""); strings.Contains(page.body, "NL*TNM*GONE") != (absent > 0) {
			t.Errorf("%d absent, and the page, HTTP %d, says otherwise", absent, page.status)
		}
	}
	if err := other.Call(t.Context(), http.MethodGet, "locations", ocpi.RoleReceiver, "/NL/TNM/GONE", nil, nil); err != nil {
		t.Errorf("what the list lacked is not here any more: %v", err)
	}
	verified(t, s.data)
}
