package peer

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
)

var versions = []ocpi.Version{ocpi.V211, ocpi.V221, ocpi.V230}

// serve serves a peer.
func serve(t *testing.T, o Options) *Peer {
	t.Helper()
	o.Delay = time.Millisecond
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.SetURL(s.URL)
	return p
}

func pair(t *testing.T, v ocpi.Version, fault Fault) (cpo, emsp *Peer) {
	t.Helper()
	cpo = serve(t, Options{Role: CPO, Party: ocpi.NewParty("NL", "TNM"), Version: v, Fault: fault})
	emsp = serve(t, Options{Role: EMSP, Party: ocpi.NewParty("DE", "EMP"), Version: v})
	if err := emsp.Connect(t.Context(), cpo.VersionsURL(), cpo.TokenA()); err != nil {
		t.Fatal(err)
	}
	return cpo, emsp
}

// Two peers register with each other, and each takes what the other sends.
func TestTwoPeers(t *testing.T) {
	for _, v := range versions {
		t.Run(v.String(), func(t *testing.T) {
			cpo, emsp := pair(t, v, None)
			if !cpo.Registered() || !emsp.Registered() || cpo.TokenA() != "" {
				t.Fatalf("registered: %v, %v", cpo.Registered(), emsp.Registered())
			}
			token := json.RawMessage(`{"uid":"U1"}`)
			if err := emsp.Call(t.Context(), http.MethodPut, "tokens", ocpi.RoleReceiver, "/DE/EMP/U1", token, nil); err != nil {
				t.Error(err)
			}
			if err := emsp.Call(t.Context(), http.MethodPatch, "tokens", ocpi.RoleReceiver, "/DE/EMP/U1", json.RawMessage(`{"valid":false}`), nil); err != nil {
				t.Error(err)
			}
			want := []Received{{"PATCH", "tokens/DE/EMP/U1", []byte(`{"uid":"U1","valid":false}`)}}
			if diff := cmp.Diff(want, cpo.Received()); diff != "" {
				t.Error(diff)
			}
			cdr := cpo.lists["cdrs"][0].body
			if err := cpo.Call(t.Context(), http.MethodPost, "cdrs", ocpi.RoleReceiver, "", cdr, nil); err != nil {
				t.Error(err)
			}
			if got := emsp.Received(); len(got) != 1 || string(got[0].Body) != string(cdr) {
				t.Errorf("received %+v", got)
			}
			var read []json.RawMessage
			if err := emsp.Call(t.Context(), http.MethodGet, "cdrs", ocpi.RoleSender, "?offset=20", nil, &read); err != nil || len(read) != 5 {
				t.Errorf("read %d CDRs, %v", len(read), err)
			}
			if err := cpo.Call(t.Context(), http.MethodPatch, "sessions", ocpi.RoleReceiver, "/NL/TNM/NONE", json.RawMessage(`{}`), nil); err == nil {
				t.Error("an unknown Session was changed")
			}
			if err := emsp.Connect(t.Context(), cpo.VersionsURL(), "no-token"); err == nil {
				t.Error("registered by an unknown token")
			}
		})
	}
}

// What a peer sends is what its version of OCPI has: nothing is missing, nothing
// is odd.
func TestObjectsAreSound(t *testing.T) {
	for _, v := range versions {
		for _, role := range []string{CPO, EMSP} {
			p := serve(t, Options{Role: role, Party: ocpi.NewParty("NL", "TNM"), Version: v})
			for module, list := range p.lists {
				if len(list) != counts[module] {
					t.Errorf("%d %s", len(list), module)
				}
				for _, o := range list {
					if findings, err := decode(v, module, o.body); err != nil || len(findings) > 0 {
						t.Fatalf("%s in %s: %v %+v\n%s", module, v, err, findings, o.body)
					}
				}
			}
		}
	}
}

func decode(v ocpi.Version, module string, body []byte) ([]ocpi.Finding, error) {
	var d ocpi.Decoder
	switch module {
	case "locations":
		if o, err := d.Location(v, body); err != nil {
			return nil, err
		} else {
			return o.Findings, nil
		}
	case "tariffs":
		if o, err := d.Tariff(v, body); err != nil {
			return nil, err
		} else {
			return o.Findings, nil
		}
	case "tokens":
		if o, err := d.Token(v, body); err != nil {
			return nil, err
		} else {
			return o.Findings, nil
		}
	case "sessions":
		if o, err := d.Session(v, body); err != nil {
			return nil, err
		} else {
			return o.Findings, nil
		}
	}
	o, err := d.CDR(v, body)
	if err != nil {
		return nil, err
	}
	return o.Findings, nil
}

// get asks a peer for something as whoever has registered with it.
func get(t *testing.T, p *Peer, authorization, at string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	req.Header.Set("OCPI-from-party-id", "RCH")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func TestFaults(t *testing.T) {
	for _, fault := range faults {
		t.Run(string(fault), func(t *testing.T) {
			cpo, emsp := pair(t, ocpi.V221, fault)
			at, authorization := cpo.at("/2.2.1/sender/tariffs?limit=1"), cpo.authorization(emsp.outgoing.token)
			resp, body, err := get(t, cpo, authorization, at)
			total, _ := strconv.Atoi(resp.Header.Get("X-Total-Count"))
			got := map[Fault]bool{
				Slow: total == 2, Failing: resp.StatusCode == 500, Half: err != nil, Busy: resp.StatusCode == 429 && resp.Header.Get("Retry-After") == "1",
				Repeat: strings.Contains(resp.Header.Get("Link"), "offset=0"), Total: total == 6,
			}
			if !got[fault] {
				t.Errorf("HTTP %d %v %s %v", resp.StatusCode, resp.Header, body, err)
			}
			resp, body, err = get(t, cpo, authorization, at)
			if whole := err == nil && resp.StatusCode == 200 && strings.Contains(body, "TNM-T1"); whole != (fault != Failing) {
				t.Errorf("the second time: HTTP %d %s %v", resp.StatusCode, body, err)
			}
			if resp.Header.Get("OCPI-to-party-id") != "RCH" {
				t.Errorf("headers of the answer: %v", resp.Header)
			}
		})
	}
}

// Strict, so that who tries the wrong encoding first finds out.
func TestTokensAreTakenAsTheVersionHasThem(t *testing.T) {
	for _, v := range versions {
		p := serve(t, Options{Role: CPO, Party: ocpi.NewParty("NL", "TNM"), Version: v})
		raw, encoded := "Token "+p.TokenA(), "Token "+base64.StdEncoding.EncodeToString([]byte(p.TokenA()))
		for authorization, good := range map[string]bool{raw: v == ocpi.V211, encoded: v != ocpi.V211, "": false, "Token x": false} {
			if resp, _, _ := get(t, p, authorization, p.VersionsURL()); (resp.StatusCode == 200) != good {
				t.Errorf("%s in %s: HTTP %d", authorization, v, resp.StatusCode)
			}
		}
		for path, want := range map[string]int{p.base("sender", "cdrs"): 401, p.version(): 200, p.version() + "/credentials": 200, "/9.9": 404} {
			if resp, body, _ := get(t, p, p.authorization(p.TokenA()), p.at(path)); resp.StatusCode != want || !strings.Contains(body, "status_code") {
				t.Errorf("%s by token A: HTTP %d %s, want %d", path, resp.StatusCode, body, want)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	if _, err := New(Options{Role: "HUB", Party: ocpi.NewParty("NL", "TNM")}); err == nil {
		t.Error("a hub is no peer")
	}
	if _, err := New(Options{Role: CPO}); err == nil {
		t.Error("a party without a name")
	}
	if _, err := ParseFault("other"); err == nil {
		t.Error("a fault that there is not")
	}
	if f, err := ParseFault("429"); err != nil || f != Busy {
		t.Errorf("%q, %v", f, err)
	}
}
