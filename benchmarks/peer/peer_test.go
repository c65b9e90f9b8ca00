package peer

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
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

// get asks a peer for something as whoever has registered with it; vainly, where no
// answer is waited for.
func get(t *testing.T, p *Peer, authorization, at string, vainly bool) (*http.Response, string, error) {
	t.Helper()
	ctx := t.Context()
	if vainly {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	req.Header.Set("OCPI-from-party-id", "RCH")
	resp, err := http.DefaultTransport.RoundTrip(req) // follows nothing
	if err != nil && vainly {
		return nil, "", err
	}
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// page is what a peer with a fault answered.
type page struct {
	http         int
	link, header string // header: X-Total-Count
	body         string
	err          error
}

// shows reports whether a page is a list of these objects.
func (p *page) shows(ids ...string) bool {
	var e struct {
		Data []struct{ ID string } `json:"data"`
	}
	if p.err != nil || p.http != 200 || json.Unmarshal([]byte(p.body), &e) != nil || len(e.Data) != len(ids) {
		return false
	}
	for i, id := range ids {
		if e.Data[i].ID != id {
			return false
		}
	}
	return true
}

// Of each fault of lists: the first answers to both pages, and the second to the first.
func TestFaultsOfLists(t *testing.T) {
	const one, two = "TNM-T1", "TNM-T2"
	again := func(first, _, second *page) bool { return !first.shows(one) && second.shows(one) }
	has := func(text string) func(first, next, second *page) bool {
		return func(first, next, second *page) bool {
			return first.shows(one) && next.shows(two) && second.shows(one) && strings.Contains(first.body, text)
		}
	}
	tests := map[Fault]func(first, next, second *page) bool{
		Slow:    has(one),
		Failing: func(first, _, second *page) bool { return first.http == 500 && second.http == 500 },
		Refusing: func(first, _, _ *page) bool {
			return first.http == 200 && strings.Contains(first.body, `"status_code":3000`)
		},
		Ending:   func(first, _, _ *page) bool { return first.http == 401 },
		HTML:     func(first, _, _ *page) bool { return first.http == 200 && strings.HasPrefix(first.body, "<!doctype") },
		Redirect: func(first, _, _ *page) bool { return first.http == 302 },
		Dead: func(first, next, _ *page) bool {
			return errors.Is(first.err, context.DeadlineExceeded) && next.err != nil
		},
		Half:   func(first, next, second *page) bool { return first.err != nil && again(first, next, second) },
		Busy:   func(first, next, second *page) bool { return first.http == 429 && again(first, next, second) },
		Repeat: func(first, _, _ *page) bool { return first.shows(one) && strings.Contains(first.link, "offset=0") },
		Loop: func(first, next, _ *page) bool {
			return strings.Contains(first.link, "offset=1") && strings.Contains(next.link, "offset=0")
		},
		Elsewhere: func(first, _, _ *page) bool {
			return first.shows(one) && strings.HasPrefix(first.link, "<https://elsewhere.invalid/ocpi/2.2.1/sender/tariffs?")
		},
		Unlinked: func(first, next, _ *page) bool { return first.shows(one) && first.link == "" && next.shows(two) },
		Unpaged: func(first, next, _ *page) bool {
			return first.shows(one, two) && first.link == "" && next.shows(one, two)
		},
		Total:    func(first, _, _ *page) bool { return first.shows(one) && first.header == "6" },
		Unsorted: func(first, next, _ *page) bool { return first.shows(two) && next.shows(one) },
		Doubled:  func(first, next, _ *page) bool { return first.shows(one) && next.shows(one) && first.header == "4" },
		Shrinking: func(first, next, second *page) bool {
			return first.header == "2" && next.shows(two) && second.header == "1" && second.link == ""
		},
		Broken: func(first, _, _ *page) bool {
			return strings.Contains(first.body, `"kwh":NaN`) && !json.Valid([]byte(first.body))
		},
		Lacking: func(first, _, _ *page) bool { return first.shows("") && strings.Contains(first.body, "last_updated") },
		Zone: func(first, _, _ *page) bool {
			return first.shows(one) && regexp.MustCompile(`"last_updated":"[-0-9]+T[:0-9]+"`).MatchString(first.body)
		},
		Null:    has(`"tariff_alt_url":null`),
		Text:    has(`"price":"0.30"`),
		Unknown: has(`"vendor":{"of":[1,"x"]},"type":"SOMETHING_NEW"`),
	}
	for _, name := range Faults(Lists) {
		t.Run(name, func(t *testing.T) {
			fault := Fault(name)
			cpo, emsp := pair(t, ocpi.V221, fault)
			at, authorization := cpo.at("/2.2.1/sender/tariffs?limit=1"), cpo.authorization(emsp.outgoing.token)
			var got []page
			for _, at := range []string{at, at + "&offset=1", at} {
				resp, body, err := get(t, cpo, authorization, at, fault == Dead)
				one := page{body: body, err: err}
				if resp != nil {
					one.http, one.link, one.header = resp.StatusCode, resp.Header.Get("Link"), resp.Header.Get("X-Total-Count")
					if to := resp.Header.Get("OCPI-to-party-id"); to != "RCH" && one.http == 200 && err == nil && fault != HTML {
						t.Errorf("headers of the answer: %v", resp.Header)
					}
				}
				got = append(got, one)
			}
			if test := tests[fault]; test == nil || !test(&got[0], &got[1], &got[2]) {
				t.Errorf("%+v", got)
			}
		})
	}
	for _, v := range versions { // of the others each object is what its version has, but for the fault
		for _, fault := range []Fault{Zone, Null, Text, Unknown} {
			p := serve(t, Options{Role: CPO, Party: ocpi.NewParty("NL", "TNM"), Version: v, Fault: fault})
			for module, list := range p.lists {
				if body := p.spoiled(module, list[0].body, true); !json.Valid(body) {
					t.Errorf("%s, %s: %s", fault, module, body)
				} else if _, err := decode(v, module, body); err != nil {
					t.Errorf("%s, %s of %s: %v\n%s", fault, module, v, err, body)
				}
			}
		}
	}
}

// Of each fault of pushes: what the sender hears, the first time and the second, and what is
// taken.
func TestFaultsOfPushes(t *testing.T) {
	tests := map[Fault]struct {
		first, second string
		taken         int
	}{
		Refuse: {"OCPI 2001", "OCPI 2001", 0}, Lost: {"EOF", "", 1}, Late: {"deadline exceeded", "", 1},
	}
	for _, name := range Faults(Pushes) {
		t.Run(name, func(t *testing.T) {
			cpo, emsp := pair(t, ocpi.V221, Fault(name))
			push := func(within time.Duration) string {
				ctx, cancel := context.WithTimeout(t.Context(), within)
				defer cancel()
				if err := emsp.Call(ctx, http.MethodPut, "tokens", ocpi.RoleReceiver, "/DE/EMP/U1", json.RawMessage(`{"uid":"U1"}`), nil); err != nil {
					return err.Error()
				}
				return ""
			}
			within := time.Minute
			if name == string(Late) {
				within = 50 * time.Millisecond
			}
			want := tests[Fault(name)]
			if first := push(within); want.first == "" || !strings.Contains(first, want.first) {
				t.Errorf("first %q, want %q", first, want.first)
			}
			if second := push(time.Minute); (second == "") != (want.second == "") || !strings.Contains(second, want.second) {
				t.Errorf("second %q, want %q", second, want.second)
			}
			if got := cpo.Received(); len(got) != want.taken {
				t.Errorf("taken %+v", got)
			}
		})
	}
}

// Of each fault of commands: whether a response comes, and how many results.
func TestFaultsOfCommands(t *testing.T) {
	want := map[Fault]string{Silent: "no response, 0 results", ResultLess: "ACCEPTED, 0 results", ResultTwice: "ACCEPTED, 2 results", ResultBefore: "ACCEPTED, 1 results"}
	for _, name := range Faults(Commands) {
		t.Run(name, func(t *testing.T) {
			cpo, emsp := pair(t, ocpi.V221, Fault(name))
			ctx := t.Context()
			if name == string(Silent) {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
			}
			said := struct{ Result string }{"no response"}
			command := map[string]string{"response_url": emsp.ResponseURL("u1")}
			if err := emsp.Call(ctx, http.MethodPost, "commands", ocpi.RoleReceiver, "/UNLOCK_CONNECTOR", command, &said); (err != nil) != (name == string(Silent)) {
				t.Error(err)
			}
			cpo.Wait()
			if got := fmt.Sprintf("%s, %d results", said.Result, len(emsp.Commanded())); got != want[Fault(name)] {
				t.Errorf("%s, want %s", got, want[Fault(name)])
			}
			if err := cpo.Failed(); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is said of a fault is said of each once.
func TestFaultsAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Descriptions() {
		if d.Fault == None || d.Group == "" || d.Does == "" || d.Hub == "" || seen[string(d.Fault)] || seen[d.Does] {
			t.Errorf("%+v", d)
		}
		seen[string(d.Fault)], seen[d.Does] = true, true
	}
}

// Strict, so that who tries the wrong encoding first finds out.
func TestTokensAreTakenAsTheVersionHasThem(t *testing.T) {
	for _, v := range versions {
		p := serve(t, Options{Role: CPO, Party: ocpi.NewParty("NL", "TNM"), Version: v})
		raw, encoded := "Token "+p.TokenA(), "Token "+base64.StdEncoding.EncodeToString([]byte(p.TokenA()))
		for authorization, good := range map[string]bool{raw: v == ocpi.V211, encoded: v != ocpi.V211, "": false, "Token x": false} {
			if resp, _, _ := get(t, p, authorization, p.VersionsURL(), false); (resp.StatusCode == 200) != good {
				t.Errorf("%s in %s: HTTP %d", authorization, v, resp.StatusCode)
			}
		}
		for path, want := range map[string]int{p.base("sender", "cdrs"): 401, p.version(): 200, p.version() + "/credentials": 200, "/9.9": 404} {
			if resp, body, _ := get(t, p, p.authorization(p.TokenA()), p.at(path), false); resp.StatusCode != want || !strings.Contains(body, "status_code") {
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
