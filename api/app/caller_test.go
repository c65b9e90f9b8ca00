package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/app/apptest"
)

func TestWhoMayAsk(t *testing.T) {
	w := apptest.New(t)
	w.Example()
	one := "Token " + w.Tokens["NL*ONE"]
	for _, tt := range []struct {
		name, as    string
		headers     []string
		status      int
		code, field string
	}{
		{"nobody", "", nil, 401, "unauthorized", ""},
		{"an unknown key", "Bearer x", nil, 401, "unauthorized", ""},
		{"an unknown token", "Token x", nil, 401, "unauthorized", ""},
		{"a key of another scope", "Bearer books", nil, 403, "missing_scope", ""},
		{"a key of an eMSP that is none here", "Bearer stranger", nil, 403, "party_restricted", ""},
		{"a CPO's token", "Token " + w.Tokens["SE*ABC"], nil, 403, "party_restricted", ""},
		{"an eMSP's key", "Bearer emp", nil, 200, "", ""},
		{"an eMSP's token", "Token " + w.Tokens["SE*EMP"], nil, 200, "", ""},
		{"its scheme in other letters", "token " + w.Tokens["SE*EMP"], nil, 200, "", ""},
		{"two eMSPs that do not say which", one, nil, 400, "invalid_parameter", "OCPI-from-party-id"},
		{"two eMSPs that do", one, []string{"OCPI-From-Country-Code", "nl", "ocpi-from-party-id", "two"}, 200, "", ""},
		{"in the name of another", one, []string{"OCPI-from-country-code", "SE", "OCPI-from-party-id", "EMP"}, 400, "invalid_parameter", "OCPI-from-party-id"},
	} {
		for _, path := range []string{"/api/v1/locations", "/api/v1/locations/SE/ABC/L1"} {
			a := w.Do(tt.as, path, tt.headers...)
			var e struct {
				Error struct {
					Code, Field string
					RequestID   string `json:"request_id"`
				}
			}
			if err := json.Unmarshal(a.Body.Bytes(), &e); err != nil || a.Code != tt.status || e.Error.Code != tt.code || e.Error.Field != tt.field {
				t.Errorf("%s, %s: HTTP %d %s, want %d %s", tt.name, path, a.Code, a.Body, tt.status, tt.code)
			}
			if id := a.Header().Get("X-Request-Id"); id == "" || tt.status > 299 && id != e.Error.RequestID {
				t.Errorf("%s, %s: request id %q, told %q", tt.name, path, id, e.Error.RequestID)
			}
			if challenge := a.Header().Get("Www-Authenticate"); (challenge != "") != (tt.status == 401) {
				t.Errorf("%s: challenge %q with HTTP %d", tt.name, challenge, a.Code)
			}
		}
	}
	if a := w.Do("Bearer emp", "/api/v1/locations/SE/ABC/L1/E1"); a.Code != 404 || !strings.Contains(a.Body.String(), "not_found") {
		t.Errorf("a path that names no Location: HTTP %d %s", a.Code, a.Body)
	}
}
