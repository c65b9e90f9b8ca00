package peer

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ocpi"
)

// An eMSP authorizes its own Tokens, a CPO takes preferences, and both remember what
// they were asked; who interferes answers in their place.
func TestAsking(t *testing.T) {
	for _, v := range versions {
		t.Run(v.String(), func(t *testing.T) {
			cpo, emsp := pair(t, v, None)
			authorize := func(uid string) *Reply {
				t.Helper()
				a, err := cpo.Ask(t.Context(), Message{Method: http.MethodPost, Module: "tokens", Role: ocpi.RoleSender, Path: "/" + uid + "/authorize", To: ocpi.NewParty("DE", "EMP"),
					Correlation: "c-1", Body: []byte(`{"location_id":"L1"}`)})
				if err != nil {
					t.Fatal(err)
				}
				return a
			}
			const uid = "04A1B2C3D4E501"
			a := authorize(uid)
			if a.HTTP != 200 || a.Code != 1000 || !strings.Contains(string(a.Data), `"allowed":"ALLOWED"`) || !strings.Contains(string(a.Data), `"location_id":"L1"`) ||
				strings.Contains(string(a.Data), Reference(uid)) != (v != ocpi.V211) {
				t.Errorf("%+v %s", a, a.Data)
			}
			if a := authorize("NONE"); a.HTTP != 404 || a.Code != ocpi.StatusUnknownToken || a.Data != nil {
				t.Errorf("%+v", a)
			}
			emsp.Interfere(func(w http.ResponseWriter, r *http.Request) bool {
				reply(w, r, http.StatusOK, ocpi.StatusInvalid, "no", nil)
				return true
			})
			if a := authorize(uid); a.Code != 2001 {
				t.Errorf("%+v", a)
			}
			got := emsp.Requests()
			if len(got) != 3 || got[0].ID == "" {
				t.Fatalf("%+v", got)
			}
			got[0].ID = ""
			want := Request{Method: "POST", Path: "/sender/tokens/" + uid + "/authorize", From: ocpi.NewParty("NL", "TNM"), To: ocpi.NewParty("DE", "EMP"), Correlation: "c-1", Body: []byte(`{"location_id":"L1"}`)}
			if v == ocpi.V211 {
				want.Path, want.From, want.To = "/tokens/"+uid+"/authorize", ocpi.Party{}, ocpi.Party{}
			}
			if diff := cmp.Diff(want, got[0]); diff != "" {
				t.Error(diff)
			}
			if v == ocpi.V211 {
				return
			}
			a, err := emsp.Ask(t.Context(), Message{Method: http.MethodPut, Module: "sessions", Role: ocpi.RoleSender, Path: "/S1/charging_preferences", Body: []byte(`{"profile_type":"CHEAP"}`)})
			if err != nil || string(a.Data) != `"ACCEPTED"` {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}
