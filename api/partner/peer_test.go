package partner

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// newPeer is a CPO that is served.
func newPeer(t *testing.T, v ocpi.Version, fault peer.Fault) *peer.Peer {
	t.Helper()
	p, err := peer.New(peer.Options{Role: peer.CPO, Party: ocpi.NewParty("NL", "TNM"), Version: v, Fault: fault, Delay: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.SetURL(s.URL)
	return p
}

// hub is our own side, so far as a partner needs it to register us: versions and
// details, to whoever knows a token.
func hub(t *testing.T, partners *control.Partners) *httptest.Server {
	t.Helper()
	answers := pages(map[string]string{
		"/ocpi/versions": `{"status_code":1000,"data":[{"version":"2.1.1","url":"HOST/1"},{"version":"2.2.1","url":"HOST/2"},{"version":"2.3.0","url":"HOST/3"}]}`,
		"/1":             `{"status_code":1000,"data":{"version":"2.1.1","endpoints":[{"identifier":"credentials","url":"HOST/c"}]}}`,
		"/2":             `{"status_code":1000,"data":{"version":"2.2.1","endpoints":[{"identifier":"credentials","role":"SENDER","url":"HOST/c"}]}}`,
		"/3":             `{"status_code":1000,"data":{"version":"2.3.0","endpoints":[{"identifier":"credentials","role":"SENDER","url":"HOST/c"}]}}`,
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := partners.Authenticate(r.Header.Get("Authorization")); !ok {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"status_code":2000}`))
			return
		}
		answers(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func testRegistrar(t *testing.T) *Registrar {
	t.Helper()
	_, partners := testControl(t)
	sealer, err := control.NewSealer(control.NewSealKey())
	if err != nil {
		t.Fatal(err)
	}
	return &Registrar{
		Dialer: testDialer(t), Partners: partners, Sealer: sealer, Self: control.Self{Party: ocpi.NewParty("ZZ", "RCH"), Name: "roamclear"},
		Versions: hub(t, partners).URL + "/ocpi/versions", Logger: testPuller(t, newIntake()).Logger,
	}
}

// unread is the pattern of what is said of each list of which nothing can be read, by the
// peer's fault.
var unread = map[peer.Fault]string{
	peer.Failing: "HTTP 500, OCPI 3000", peer.Refusing: "HTTP 200, OCPI 3000", peer.Ending: "HTTP 401", peer.HTML: `the answer is not OCPI.s: "<!doctype html><title>Maintenance`,
	peer.Redirect: "redirects are not followed", peer.Dead: "deadline exceeded|timeout awaiting",
}

// The handshake as its client in each version, with each fault of the partner's
// lists, and the pull that follows it.
func TestConnectAndPull(t *testing.T) {
	list := func(module string, read, here, refused int) PulledModule {
		return PulledModule{Module: module, Read: read, New: here, NeverPushed: here, Refused: refused}
	}
	all := []PulledModule{list("locations", 3, 3, 0), list("tariffs", 2, 2, 0), list("sessions", 25, 25, 0), list("cdrs", 25, 25, 0)}
	others := map[peer.Fault][]PulledModule{
		peer.Doubled: {list("locations", 6, 3, 0), list("tariffs", 4, 2, 0), list("sessions", 50, 25, 0), list("cdrs", 50, 25, 0)},
		peer.Lacking: {list("locations", 3, 2, 1), list("tariffs", 2, 1, 1), list("sessions", 25, 22, 3), list("cdrs", 25, 22, 3)},
		peer.Broken:  {list("locations", 3, 2, 1), list("tariffs", 2, 1, 1), list("sessions", 25, 22, 3), list("cdrs", 25, 22, 3)},
	}
	for _, v := range []ocpi.Version{ocpi.V211, ocpi.V221, ocpi.V230} {
		for _, name := range append(peer.Faults(peer.Lists), "") {
			t.Run(v.String()+name, func(t *testing.T) {
				fault := peer.Fault(name)
				other := newPeer(t, v, fault)
				c := testRegistrar(t)
				connected, err := c.Connect(t.Context(), Invited{URL: other.VersionsURL(), Token: other.TokenA(), Role: "cpo"})
				if err != nil {
					t.Fatal(err)
				}
				one := connected.Partner
				if one.ID != "nl-tnm-cpo" || one.Stage() != control.StageRegistered || one.Peer.Version != v || !other.Registered() || other.TokenA() != "" {
					t.Fatalf("registered as %+v", one)
				}
				p := testPuller(t, newIntake())
				p.Partners, p.Secrets, p.Limits.Session, p.Limits.CDR = c.Partners, c.Sealer, 1<<20, 1<<20
				if fault == peer.Dead {
					p.Dialer = NewDialer(Policy{AllowPrivate: true, Timeout: 20 * time.Millisecond})
					t.Cleanup(p.Dialer.Close)
				}
				since := time.Now().Add(-FirstWindow)
				got, err := p.pull(t.Context(), one, wanted{windowed: true, whole: true, first: since}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if why := unread[fault]; why != "" {
					for _, m := range got.Modules {
						if !regexp.MustCompile(why).MatchString(m.Error) || m.Read > 0 {
							t.Errorf("read %+v, want an error like %q", m, why)
						}
					}
					return
				}
				want := all
				if other, ok := others[fault]; ok {
					want = other
				}
				if diff := cmp.Diff(want, got.Modules); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// Of a platform with several parties each object counts once, whether it shows all of
// them to everybody or each party's to who asks for it; of a list that is everybody's
// no more than the first page is read again.
func TestAPullOfSeveralParties(t *testing.T) {
	for _, v := range []ocpi.Version{ocpi.V221, ocpi.V230} {
		for _, byParty := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s by party %v", v, byParty), func(t *testing.T) {
				other, err := peer.New(peer.Options{Role: peer.CPO, Party: ocpi.NewParty("NL", "TNM"), Also: []ocpi.Party{ocpi.NewParty("BE", "TNM")}, ByParty: byParty, Version: v})
				if err != nil {
					t.Fatal(err)
				}
				asked := map[string]int{} // first pages
				s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Query().Get("offset") == "0" {
						asked[path.Base(r.URL.Path)]++
						if from := r.Header.Get(ocpi.HeaderFromCountry) + r.Header.Get(ocpi.HeaderFromParty); from != "ZZRCH" {
							t.Errorf("a list is asked for by %q", from)
						}
					}
					other.ServeHTTP(w, r)
				})
				other.SetURL(s.URL)
				c := testRegistrar(t)
				connected, err := c.Connect(t.Context(), Invited{URL: other.VersionsURL(), Token: other.TokenA()})
				if err != nil {
					t.Fatal(err)
				}
				i := newIntake()
				p := testPuller(t, i)
				p.Partners, p.Secrets, p.Limits.Session, p.Limits.CDR = c.Partners, c.Sealer, 1<<20, 1<<20
				got, err := p.pull(t.Context(), connected.Partner, wanted{windowed: true, whole: true, first: time.Now().Add(-FirstWindow)}, nil)
				if err != nil {
					t.Fatal(err)
				}
				want := []PulledModule{
					{Module: "locations", Read: 6, New: 6, NeverPushed: 6},
					{Module: "tariffs", Read: 4, New: 4, NeverPushed: 4},
					{Module: "sessions", Read: 50, New: 50, NeverPushed: 50},
					{Module: "cdrs", Read: 50, New: 50, NeverPushed: 50},
				}
				if diff := cmp.Diff(want, got.Modules); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(map[string]int{"locations": 2, "tariffs": 2, "sessions": 2, "cdrs": 2}, asked); diff != "" {
					t.Errorf("lists asked for: %s", diff)
				}
			})
		}
	}
}

// The version that is asked for counts, and what the partner says of itself.
func TestConnectAsksForWhatItNeeds(t *testing.T) {
	c := testRegistrar(t)
	other := newPeer(t, ocpi.V211, peer.None)
	in := Invited{URL: other.VersionsURL(), Token: other.TokenA()}
	if _, err := c.Connect(t.Context(), in); err == nil {
		t.Error("2.1.1 does not say which role the partner has, and it was registered without")
	}
	in.Version = ocpi.V230
	if _, err := c.Connect(t.Context(), in); err == nil {
		t.Error("registered in a version that it does not offer")
	}
	in.Version, in.Token = ocpi.V211, "not-its-token"
	if _, err := c.Connect(t.Context(), in); err == nil {
		t.Error("registered by a wrong token")
	}
	if list := c.Partners.All(); len(list) > 0 {
		t.Errorf("what failed left partners: %+v", list)
	}
	in.Token, in.Roles = other.TokenA(), []control.Role{control.NewRole("CPO", "NL", "TNM")}
	connected, err := c.Connect(t.Context(), in)
	if err != nil || connected.Partner.Peer.Encoding != control.EncodingRaw {
		t.Errorf("%+v, %v", connected, err)
	}
	if _, err := c.Connect(t.Context(), in); err == nil {
		t.Error("registered twice")
	}
}

// A partner that was added by hand keeps its token until it uses the new one.
func TestConnectWithAPartnerThatWasAdded(t *testing.T) {
	c := testRegistrar(t)
	role := control.NewRole("CPO", "NL", "TNM")
	added, old, err := c.Partners.Add(t.Context(), "", control.NewPartner{Name: "TNM", Roles: []control.Role{role}})
	if err != nil {
		t.Fatal(err)
	}
	other := newPeer(t, ocpi.V221, peer.None)
	connected, err := c.Connect(t.Context(), Invited{URL: other.VersionsURL(), Token: other.TokenA()})
	if err != nil || connected.Partner.ID != added.ID || connected.Partner.Peer == nil {
		t.Fatalf("%+v, %v", connected, err)
	}
	if _, ok := c.Partners.Authenticate("Token " + old); !ok && !other.Registered() {
		t.Error("its token ended")
	}
}

// knowing is a CPO whose credentials, as it answers with them, are changed.
func knowing(t *testing.T, change func(body string) string) *peer.Peer {
	t.Helper()
	other, err := peer.New(peer.Options{Role: peer.CPO, Party: ocpi.NewParty("NL", "TNM"), Version: ocpi.V221})
	if err != nil {
		t.Fatal(err)
	}
	s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		other.ServeHTTP(answer, r)
		body := answer.Body.String()
		if strings.HasSuffix(r.URL.Path, "/credentials") {
			body = change(body)
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write([]byte(body))
	})
	other.SetURL(s.URL)
	return other
}

// That a partner is a hub it has to be given: without that it is what else it says.
func TestAHubIsNotTakenFromItsWord(t *testing.T) {
	const cpo, hub = `{"role":"CPO","country_code":"NL","party_id":"TNM","business_details":{"name":"TNM"}}`, `{"role":"HUB","country_code":"NL","party_id":"HUB","business_details":{"name":"Hub"}}`
	roles := regexp.MustCompile(`"roles":\[.*?\}\]`)
	for _, tt := range []struct {
		name, says, role string
		granted, pending string // "" = it is not registered
	}{
		{"a CPO that is a hub too", cpo + "," + hub, "", "[CPO NL*TNM]", "[HUB NL*HUB]"},
		{"asked for as a hub", cpo + "," + hub, "HUB", "[HUB NL*HUB]", "[CPO NL*TNM]"},
		{"a hub alone", hub, "", "", ""},
		{"a hub alone, asked for", hub, "hub", "[HUB NL*HUB]", "[]"},
	} {
		other := knowing(t, func(body string) string { return roles.ReplaceAllString(body, `"roles":[`+tt.says+`]`) })
		c := testRegistrar(t)
		connected, err := c.Connect(t.Context(), Invited{URL: other.VersionsURL(), Token: other.TokenA(), Role: tt.role})
		if tt.granted == "" {
			if err == nil || !strings.Contains(err.Error(), "role HUB") || len(c.Partners.All()) > 0 {
				t.Errorf("%s: %v, partners %+v", tt.name, err, c.Partners.All())
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if granted, pending := fmt.Sprint(connected.Partner.Roles), fmt.Sprint(connected.Partner.Pending); granted != tt.granted || pending != tt.pending {
			t.Errorf("%s: granted %s, pending %s; want %s, %s", tt.name, granted, pending, tt.granted, tt.pending)
		}
	}
}

// Credentials that a partner answers with are judged as those that it sends: what is
// found is counted, and refused where that is agreed.
func TestAnsweredCredentialsAreJudged(t *testing.T) {
	for _, refuses := range []bool{false, true} {
		other := knowing(t, func(body string) string {
			return strings.Replace(body, `"name":"`, `"name":"`+strings.Repeat("x", 101), 1)
		})
		c := testRegistrar(t)
		var found []string
		c.Found = func(partner string, f *ocpi.Finding) { found = append(found, partner+" "+f.Code) }
		if _, _, err := c.Partners.Add(t.Context(), "", control.NewPartner{Name: "TNM", Roles: []control.Role{control.NewRole("CPO", "NL", "TNM")}}); err != nil {
			t.Fatal(err)
		}
		if refuses {
			if _, err := c.Partners.SetPolicy(t.Context(), "", "nl-tnm-cpo", 0, "too_long", control.PolicyRefuse); err != nil {
				t.Fatal(err)
			}
		}
		_, err := c.Connect(t.Context(), Invited{URL: other.VersionsURL(), Token: other.TokenA()})
		one, _ := c.Partners.Find("nl-tnm-cpo")
		if (err != nil) != refuses || (one.Peer == nil) != refuses || other.Registered() == refuses {
			t.Errorf("refuses %t: %v, here %+v, there %t", refuses, err, one.Peer, other.Registered())
		}
		if !slices.Contains(found, "nl-tnm-cpo too_long") {
			t.Errorf("found %v", found)
		}
		if refuses && !strings.Contains(err.Error(), "too_long") {
			t.Errorf("it is not said what is refused: %v", err)
		}
	}
}

// A partner that fails in the handshake leaves nothing behind.
func TestConnectThatFails(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"says no":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status_code":3001}`)) },
		"is out of order":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"knows us already": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) },
		"answers without a token": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"status_code":1000,"data":{"url":"x"}}`))
		},
		"breaks off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"data":`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			details := pages(map[string]string{
				"/v": `{"status_code":1000,"data":[{"version":"2.2.1","url":"HOST/2"}]}`,
				"/2": `{"status_code":1000,"data":{"version":"2.2.1","endpoints":[{"identifier":"credentials","role":"SENDER","url":"HOST/c"}]}}`,
			})
			s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					answer(w, r)
					return
				}
				details(w, r)
			})
			c := testRegistrar(t)
			_, err := c.Connect(t.Context(), Invited{URL: s.URL + "/v", Token: secretToken, Roles: []control.Role{control.NewRole("CPO", "NL", "TNM")}})
			if err == nil || len(c.Partners.All()) > 0 {
				t.Errorf("%v, partners %+v", err, c.Partners.All())
			}
		})
	}
}

// Tokens are exchanged over OCPI: the new ones work from then on, the partner's old
// one until it uses the new one, or not at all.
func TestRotateAndUnregister(t *testing.T) {
	for _, v := range []ocpi.Version{ocpi.V211, ocpi.V221, ocpi.V230} {
		for _, now := range []bool{false, true} {
			c := testRegistrar(t)
			other := newPeer(t, v, peer.None)
			connected, err := c.Connect(t.Context(), Invited{URL: other.VersionsURL(), Token: other.TokenA(), Role: "CPO"})
			if err != nil {
				t.Fatal(err)
			}
			old := connected.Partner.Tokens[0].Hash
			p, err := c.Rotate(t.Context(), connected.Partner, "", now)
			if err != nil {
				t.Fatal(err)
			}
			if p.Tokens[0].Hash == old || p.Peer.Token == connected.Partner.Peer.Token {
				t.Errorf("%s: the tokens are the old ones: %+v", v, p)
			}
			if _, rotating := p.RotationUntil(); rotating == now {
				t.Errorf("%s: the old token goes on %v", v, rotating)
			}
			door, err := c.door(p)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Dialer.GetCredentials(t.Context(), door); err != nil {
				t.Errorf("%s: the new token is not taken: %v", v, err)
			}
			if err := c.Unregister(t.Context(), p); err != nil || other.Registered() {
				t.Errorf("%s: unregister: %v", v, err)
			}
			if err := c.Unregister(t.Context(), p); !errors.Is(err, api.ErrPeer) {
				t.Errorf("%s: a second time: %v", v, err)
			}
			if _, err := c.Rotate(t.Context(), p, "", now); !errors.Is(err, api.ErrPeer) {
				t.Errorf("%s: of a partner that has unregistered: %v", v, err)
			}
		}
	}
}
