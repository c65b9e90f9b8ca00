package hub

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
)

// Of the two trees of 2.1.1 a partner is offered the one that names the other
// side; who has both roles asks each tree; other roles there are not in 2.1.1.
func TestVersionsByRole(t *testing.T) {
	for _, public := range []string{"", "https://roam.example:8443/"} {
		origin := strings.TrimSuffix(public, "/")
		if origin == "" {
			origin = "http://roam.example"
		}
		h := serve(t, &backend{}, func(d *Deps) { d.PublicURL = public })
		for _, tt := range []struct{ token, path, tree string }{
			{dundeeToken, "/versions", "emsp/"}, {exwToken, "/versions", "cpo/"}, {nspToken, "/versions", "none"},
			{bothToken, "/versions", "emsp/"}, {bothToken, "/emsp/versions", "emsp/"}, {bothToken, "/cpo/versions", "cpo/"},
			{dundeeToken, "/emsp/versions", "emsp/"}, {exwToken, "/cpo/versions", "cpo/"},
			{dundeeToken, "/cpo/versions", ""}, {exwToken, "/emsp/versions", ""}, {nspToken, "/cpo/versions", ""},
		} {
			want := []ocpi.VersionInfo{{Version: "2.2.1", URL: origin + "/ocpi/2.2.1"}, {Version: "2.3.0", URL: origin + "/ocpi/2.3.0"}}
			if tt.tree != "none" {
				want = slices.Insert(want, 0, ocpi.VersionInfo{Version: "2.1.1", URL: origin + "/ocpi/" + tt.tree + "2.1.1"})
			}
			for _, form := range []string{tt.path, tt.path + "/", "/" + tt.path, strings.ReplaceAll(tt.path, "/", "//") + "//"} {
				resp, e := request(t, h, "GET", "/ocpi"+form, tt.token, "")
				if tt.tree == "" {
					if resp.StatusCode != 404 || e.Data != nil {
						t.Errorf("%s %s: HTTP %d %s, want 404", tt.token, form, resp.StatusCode, e.Data)
					}
					continue
				}
				var got []ocpi.VersionInfo
				if err := json.Unmarshal(e.Data, &got); err != nil {
					t.Fatalf("%s: HTTP %d: %v", form, resp.StatusCode, err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s %s: %s", tt.token, form, diff)
				}
			}
		}
	}
}

// Details list every module that is built, in the shape of their version: with
// roles, or in the tree of the side that is ours.
func TestVersionDetails(t *testing.T) {
	h := serve(t, &backend{}, func(d *Deps) { d.PublicURL = "https://roam.example/" })
	for _, tt := range []struct{ path, token, want string }{
		{"/emsp/2.1.1", dundeeToken, "credentials emsp/2.1.1/credentials, locations emsp/2.1.1/locations, tariffs emsp/2.1.1/tariffs, sessions emsp/2.1.1/sessions, cdrs emsp/2.1.1/cdrs, tokens emsp/2.1.1/tokens, commands emsp/2.1.1/commands"},
		{"/cpo/2.1.1", exwToken, "credentials cpo/2.1.1/credentials, locations cpo/2.1.1/locations, tariffs cpo/2.1.1/tariffs, sessions cpo/2.1.1/sessions, cdrs cpo/2.1.1/cdrs, tokens cpo/2.1.1/tokens, commands cpo/2.1.1/commands"},
		{"/2.2.1", nspToken, both("2.2.1")},
		{"/2.3.0", dundeeToken, both("2.3.0")},
	} {
		for _, slash := range []string{"", "/"} {
			resp, e := request(t, h, "GET", "/ocpi"+tt.path+slash, tt.token, "")
			var got struct {
				Version   string
				Endpoints []map[string]string
			}
			if err := json.Unmarshal(e.Data, &got); err != nil {
				t.Fatalf("%s: HTTP %d: %v", tt.path, resp.StatusCode, err)
			}
			if !strings.HasSuffix(tt.path, "/"+got.Version) {
				t.Errorf("%s says it is %s", tt.path, got.Version)
			}
			var list []string
			for _, point := range got.Endpoints {
				entry := point["identifier"]
				if role, ok := point["role"]; ok {
					entry += " " + role
				}
				list = append(list, entry+" "+strings.TrimPrefix(point["url"], "https://roam.example/ocpi/"))
			}
			if diff := cmp.Diff(strings.Split(tt.want, ", "), list); diff != "" {
				t.Errorf("%s: %s", tt.path, diff)
			}
		}
	}
	for path, token := range map[string]string{"/emsp/2.1.1": exwToken, "/cpo/2.1.1": dundeeToken, "/2.1.1": dundeeToken, "/emsp/2.2.1": dundeeToken} {
		if resp, _ := request(t, h, "GET", "/ocpi"+path, token, ""); resp.StatusCode != 404 {
			t.Errorf("GET %s: HTTP %d, want 404", path, resp.StatusCode)
		}
	}
}

// both are the modules of a version whose endpoints have roles.
func both(version string) string {
	list := []string{"credentials SENDER " + version + "/credentials"}
	for _, m := range []string{"locations RECEIVER", "locations SENDER", "tariffs RECEIVER", "tariffs SENDER", "sessions RECEIVER", "sessions SENDER", "cdrs RECEIVER", "cdrs SENDER", "tokens RECEIVER", "tokens SENDER"} {
		id, role, _ := strings.Cut(m, " ")
		list = append(list, m+" "+version+"/"+strings.ToLower(role)+"/"+id)
	}
	if version == "2.3.0" {
		list = append(list, "invoicereconciliation RECEIVER 2.3.0/receiver/invoicereconciliation", "invoicereconciliation SENDER 2.3.0/sender/invoicereconciliation")
	}
	list = append(list, "commands RECEIVER "+version+"/receiver/commands", "commands SENDER "+version+"/sender/commands", "hubclientinfo SENDER "+version+"/sender/hubclientinfo")
	return strings.Join(list, ", ")
}
