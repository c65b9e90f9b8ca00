package hub

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

func TestPushes(t *testing.T) {
	const base = "/ocpi/2.2.1/receiver"
	dundee := ingest.Sender{ID: "gb-dun-cpo", Parties: []ocpi.Party{{Country: "GB", ID: "DUN"}, {Country: "GB", ID: "PKC"}}}
	exw := ingest.Sender{ID: "nl-exw-emsp", Parties: []ocpi.Party{{Country: "NL", ID: "EXW"}}}
	target := func(o ingest.Object, party, id, sub string) ingest.Target {
		country := map[string]string{"DUN": "GB", "PKC": "GB", "EXW": "NL"}[party]
		t := ingest.Target{Object: o, Key: ocpi.NewKey(country, party, id), ID: id, Path: sub}
		if o == ingest.ObjectToken {
			t.Variant, t.Path = sub, ""
		}
		return t
	}
	tests := []struct {
		method, path, token string
		want                push
	}{
		{"PUT", "/locations/GB/DUN/LOC1", dundeeToken, push{"PUT", dundee, target(ingest.ObjectLocation, "DUN", "LOC1", ""), "{}"}},
		{"PUT", "/locations/gb/dun/loc1/", dundeeToken, push{"PUT", dundee, target(ingest.ObjectLocation, "DUN", "loc1", ""), "{}"}},
		{"PUT", "/locations/GB/DUN/LOC1/E1", dundeeToken, push{"PUT", dundee, target(ingest.ObjectLocation, "DUN", "LOC1", "E1"), "{}"}},
		{"PUT", "/locations/GB/DUN/LOC1/E%2F1/C%2B1", dundeeToken, push{"PUT", dundee, target(ingest.ObjectLocation, "DUN", "LOC1", "E%2F1/C+1"), "{}"}},
		{"PATCH", "/locations/GB/DUN/LOC1/E1/1/", dundeeToken, push{"PATCH", dundee, target(ingest.ObjectLocation, "DUN", "LOC1", "E1/1"), "{}"}},
		{"PUT", "/tariffs/GB/PKC/night%20%26+day%23%25", dundeeToken, push{"PUT", dundee, target(ingest.ObjectTariff, "PKC", "night &+day#%", ""), "{}"}},
		{"DELETE", "/tariffs/GB/PKC/T1", dundeeToken, push{"DELETE", dundee, target(ingest.ObjectTariff, "PKC", "T1", ""), ""}},
		{"PUT", "/sessions/GB/DUN/a%2Fb", dundeeToken, push{"PUT", dundee, target(ingest.ObjectSession, "DUN", "a/b", ""), "{}"}},
		{"PATCH", "/sessions/GB/DUN/S1", dundeeToken, push{"PATCH", dundee, target(ingest.ObjectSession, "DUN", "S1", ""), "{}"}},
		{"PUT", "/tokens/NL/EXW/T1", exwToken, push{"PUT", exw, target(ingest.ObjectToken, "EXW", "T1", "RFID"), "{}"}},
		{"PATCH", "/tokens/NL/EXW/T1/?type=app_user", exwToken, push{"PATCH", exw, target(ingest.ObjectToken, "EXW", "T1", "APP_USER"), "{}"}},
	}
	for _, created := range []bool{true, false} {
		for _, tt := range tests {
			t.Run(tt.method+tt.path, func(t *testing.T) {
				b := &backend{receipt: ingest.Receipt{Created: created, Position: ingest.Position{Offset: 5}, Findings: []ocpi.Finding{{Code: "unknown_enum", Path: "status"}}}}
				body := "{}"
				if tt.method == "DELETE" {
					body = ""
				}
				resp, e := request(t, serve(t, b, nil), tt.method, base+tt.path, tt.token, body)
				want := map[bool]int{true: 201, false: 200}[created]
				if resp.StatusCode != want || e.StatusCode != 1000 || e.Data != nil {
					t.Errorf("HTTP %d with %+v, want %d", resp.StatusCode, e, want)
				}
				message := "Success; 1 finding: status unknown_enum"
				if e.StatusMessage != message || resp.Header.Get("X-Roamclear-Receipt") != "0-0-5" {
					t.Errorf("message %q, receipt %q", e.StatusMessage, resp.Header.Get("X-Roamclear-Receipt"))
				}
				if diff := cmp.Diff([]push{tt.want}, b.pushes); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// The owner of a push is told the most serious thing that is doubtful in it; it
// is accepted all the same.
func TestFindingsOfAPushAreTold(t *testing.T) {
	quoted := ocpi.Finding{Code: "quoted_number", Severity: ocpi.Warning, Path: "elements[0].price_components[0].price", Detail: "as the decoder says it"}
	fraction := ocpi.Finding{Code: "vat_fraction", Severity: ocpi.Serious, Path: "elements[0].price_components[0].vat", Detail: "0.21 means 0.21 %"}
	for want, findings := range map[string][]ocpi.Finding{
		"Success": nil,
		"Success; 1 finding: elements[0].price_components[0].price quoted_number (as the decoder says it)":        {quoted},
		"Success; 2 findings, most serious: elements[0].price_components[0].vat vat_fraction (0.21 means 0.21 %)": {fraction, quoted},
	} {
		b := &backend{receipt: ingest.Receipt{Findings: findings}}
		if _, e := request(t, serve(t, b, nil), "PUT", "/ocpi/2.2.1/receiver/tariffs/GB/DUN/T1", dundeeToken, "{}"); e.StatusMessage != want {
			t.Errorf("%q, want %q", e.StatusMessage, want)
		}
	}
}

func TestGetObjects(t *testing.T) {
	const (
		location  = `{ "id":"LOC1", "evses":[{"uid":"E/1", "connectors": [ {"id":"C1","x":1.0} ]}] }`
		evse      = `{"uid":"E/1", "connectors": [ {"id":"C1","x":1.0} ]}`
		connector = `{"id":"C1","x":1.0}`
		base      = "/ocpi/2.2.1/receiver"
	)
	object := func(o ingest.Object, country, party, id, variant string) ingest.Target {
		return ingest.Target{Object: o, Key: ocpi.NewKey(country, party, id), Variant: variant}
	}
	b := &backend{objects: map[ingest.Target]string{
		object(ingest.ObjectLocation, "GB", "DUN", "LOC1", ""):    location,
		object(ingest.ObjectTariff, "GB", "DUN", "T1", ""):        `{"id":"T1"}`,
		object(ingest.ObjectSession, "GB", "DUN", "S1", ""):       `{"id":"S1"}`,
		object(ingest.ObjectToken, "NL", "EXW", "K1", "RFID"):     `{"uid":"rfid"}`,
		object(ingest.ObjectToken, "NL", "EXW", "K1", "APP_USER"): `{"uid":"app"}`,
	}}
	h := serve(t, b, nil)
	tests := []struct{ path, token, want string }{
		{"/locations/GB/DUN/LOC1", dundeeToken, location},
		{"/locations/gb/dun/loc1/", dundeeToken, location},
		{"/locations/GB/DUN/LOC1/E%2F1", dundeeToken, evse},
		{"/locations/GB/DUN/LOC1/e%2f1/c1/", dundeeToken, connector},
		{"/tariffs/GB/DUN/T1", dundeeToken, `{"id":"T1"}`},
		{"/sessions/GB/DUN/S1", dundeeToken, `{"id":"S1"}`},
		{"/tokens/NL/EXW/K1", exwToken, `{"uid":"rfid"}`},
		{"/tokens/NL/EXW/K1?type=APP_USER", exwToken, `{"uid":"app"}`},
	}
	for _, tt := range tests {
		resp, e := request(t, h, "GET", base+tt.path, tt.token, "")
		if resp.StatusCode != 200 || e.StatusCode != 1000 || string(e.Data) != tt.want {
			t.Errorf("GET %s: HTTP %d with %d: %s, want %s", tt.path, resp.StatusCode, e.StatusCode, e.Data, tt.want)
		}
	}
	b.version, b.readErr = ocpi.V221, errors.New("broken")
	if _, e := request(t, h, "GET", base+"/sessions/GB/DUN/S1", dundeeToken, ""); e.StatusCode != 3000 {
		t.Errorf("broken follower: %d", e.StatusCode)
	}
}

// stuck is an intake and a follower that wait for a store which is away.
type stuck struct{}

func (stuck) CDR(ctx context.Context, _ ingest.Sender, _ ocpi.Version, _ []byte) (ingest.Receipt, error) {
	return ingest.Receipt{}, errors.New("no CDR was pushed")
}

func (s stuck) Put(ctx context.Context, _ ingest.Sender, _ ocpi.Version, _ ingest.Target, _ []byte) (ingest.Receipt, error) {
	return s.Delete(ctx, ingest.Sender{}, 0, ingest.Target{})
}

func (s stuck) Patch(ctx context.Context, _ ingest.Sender, _ ocpi.Version, _ ingest.Target, _ []byte) (ingest.Receipt, error) {
	return s.Delete(ctx, ingest.Sender{}, 0, ingest.Target{})
}

func (stuck) Delete(ctx context.Context, _ ingest.Sender, _ ocpi.Version, _ ingest.Target) (ingest.Receipt, error) {
	<-ctx.Done()
	return ingest.Receipt{}, ctx.Err()
}

func (stuck) Refuse(context.Context, ingest.Sender, ocpi.Version, ingest.Method, ingest.Target, []byte, error) error {
	return errors.New("nothing was refused")
}

func (stuck) Get(ctx context.Context, _ ingest.Target) (ingest.ObjectState, bool, error) {
	<-ctx.Done()
	return ingest.ObjectState{}, false, ctx.Err()
}

func (stuck) Find(ctx context.Context, _ []ingest.Identity) ([]ingest.ObjectState, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A request that waits holds a place that others need: it gives up.
func TestObjectsDoNotWaitForEver(t *testing.T) {
	for method, path := range map[string]string{"PUT": "tariffs", "PATCH": "locations", "DELETE": "tariffs", "GET": "sessions"} {
		synctest.Test(t, func(t *testing.T) {
			h := serve(t, &backend{}, func(d *Deps) { d.Intake, d.Objects = stuck{}, stuck{} })
			began := time.Now()
			resp, _ := request(t, h, method, "/ocpi/2.2.1/receiver/"+path+"/GB/DUN/1", dundeeToken, "{}")
			if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || time.Since(began) != objectLimit {
				t.Errorf("%s: HTTP %d after %v, want 503 with Retry-After after %v", method, resp.StatusCode, time.Since(began), objectLimit)
			}
		})
	}
}

// A Tariff is for whom OCPI-to names, or for everybody, and of one id there may be
// one for each; what NAPs publish is for everybody.
func TestRecipientsOfTariffs(t *testing.T) {
	const path = "/ocpi/2.2.1/receiver/tariffs/"
	for _, tt := range []struct {
		owner, token, to string
		code             int
		variant          string
	}{
		{"GB/DUN", dundeeToken, "", 1000, ""},
		{"GB/DUN", dundeeToken, "ZZ/RCH", 1000, ""},
		{"GB/DUN", dundeeToken, "nl/exw", 1000, "NL*EXW"},
		{"GB/DUN", dundeeToken, "DE/BOT", 1000, "DE*BOT"},
		{"GB/DUN", dundeeToken, "US/BOU", 4001, ""},
		{"FR/NAP", napToken, "", 1000, ""},
		{"FR/NAP", napToken, "NL/EXW", 2001, ""},
	} {
		for _, method := range []string{"PUT", "DELETE", "GET"} {
			owner, id, _ := strings.Cut(tt.owner, "/")
			b := &backend{objects: map[ingest.Target]string{
				{Object: ingest.ObjectTariff, Key: ocpi.NewKey(owner, id, "T1"), Variant: tt.variant}: `{"id":"T1"}`}}
			body := map[bool]string{true: "{}"}[method == "PUT"]
			country, party, _ := strings.Cut(tt.to, "/")
			resp, e := request(t, serve(t, b, nil), method, path+tt.owner+"/T1", tt.token, body, "OCPI-to-country-code", country, "OCPI-to-party-id", party)
			if resp.StatusCode != 200 || e.StatusCode != tt.code {
				t.Errorf("%s of %s to %q: HTTP %d with %d %q, want %d", method, tt.owner, tt.to, resp.StatusCode, e.StatusCode, e.StatusMessage, tt.code)
			}
			if pushed := tt.code == 1000 && method != "GET"; pushed != (len(b.pushes) == 1) || pushed && b.pushes[0].Target.Variant != tt.variant {
				t.Errorf("%s of %s to %q: pushed %+v, want it for %q", method, tt.owner, tt.to, b.pushes, tt.variant)
			}
		}
	}
}

// The URL of a 2.1.1 Token says no type: a PUT has it in its body, and whoever asks
// or changes means the one there is, of several the RFID.
func TestTypesOf211Tokens(t *testing.T) {
	token := func(id, variant string) (ingest.Target, string) {
		return ingest.Target{Object: ingest.ObjectToken, Key: ocpi.NewKey("NL", "EXW", id), Variant: variant}, `{"uid":"` + id + `","type":"` + variant + `"}`
	}
	there := map[ingest.Target]string{}
	for _, k := range [][2]string{{"O", "OTHER"}, {"B", "RFID"}, {"B", "OTHER"}} {
		target, body := token(k[0], k[1])
		there[target] = body
	}
	for _, tt := range []struct{ method, path, body, want string }{
		{"PUT", "/N", `{"type":"other"}`, "OTHER"}, {"PUT", "/N", `{}`, "RFID"}, {"PUT", "/N?type=APP_USER", `{"type":"OTHER"}`, "APP_USER"},
		{"PATCH", "/O", `{}`, "OTHER"}, {"PATCH", "/B", `{}`, "RFID"}, {"PATCH", "/none", `{}`, "RFID"},
		{"GET", "/O", "", "OTHER"}, {"GET", "/B/", "", "RFID"}, {"GET", "/B?type=other", "", "OTHER"},
	} {
		b := &backend{version: ocpi.V211, objects: there}
		_, e := request(t, serve(t, b, nil), tt.method, "/ocpi/cpo/2.1.1/tokens/NL/EXW"+tt.path, exwToken, tt.body)
		got := ""
		if len(b.pushes) == 1 {
			got = b.pushes[0].Target.Variant
		} else if _, rest, ok := strings.Cut(string(e.Data), `"type":"`); ok {
			got, _, _ = strings.Cut(rest, `"`)
		}
		if got != tt.want {
			t.Errorf("%s %s %s: %q, want %q", tt.method, tt.path, tt.body, got, tt.want)
		}
	}
}
