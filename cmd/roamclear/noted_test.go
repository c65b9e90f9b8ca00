package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ocpi"
)

// TestWhatARestartKeeps has a service say the same of its partners after a restart:
// what was found in what they sent, when they were last heard of, and since when they
// are connected.
func TestWhatARestartKeeps(t *testing.T) {
	data := t.TempDir()
	s := startTest(t, data)
	s.partner("CPO", "NL", "QQQ")
	s.partner("EMSP", "NL", "EMP")
	s.accepted("NL*QQQ", http.MethodPut, "/receiver/sessions/NL/QQQ/X1/", clean["2.2.1"]["sessions"])
	type says struct {
		Found   map[string]int64
		Contact string
		Clients []ocpi.ClientInfo
	}
	look := func() (is says) {
		t.Helper()
		is.Found = map[string]int64{}
		for _, args := range [][]string{{"findings", "nl-qqq-cpo"}, {"list"}} {
			out, err := run(t, newPartnerCmd(), append(args, "--format", "json", "--data", data)...)
			var got struct {
				admin.FindingList
				admin.PartnerList
			}
			if err := errors.Join(err, json.Unmarshal([]byte(out), &got)); err != nil {
				t.Fatal(err)
			}
			for _, f := range got.Findings {
				is.Found[f.Code] = f.Count
			}
			for _, p := range got.Partners {
				if p.ID == "nl-qqq-cpo" {
					is.Contact = p.LastContact
				}
			}
		}
		a := s.accepted("NL*EMP", http.MethodGet, "/sender/hubclientinfo", "")
		if err := json.Unmarshal(a.ocpi.Data, &is.Clients); err != nil {
			t.Fatal(err)
		}
		return is
	}
	before := look()
	if before.Found["trailing_slash"] != 1 || before.Contact == "" || len(before.Clients) != 1 || before.Clients[0].Status != ocpi.Connected {
		t.Fatalf("before: %+v", before)
	}
	tokens := s.tokens
	s.stop()
	s = startTest(t, data)
	s.tokens = tokens
	if diff := cmp.Diff(before, look()); diff != "" {
		t.Error(diff)
	}
}
