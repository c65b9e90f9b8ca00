package partner

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	owned "github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/reference/referencetest"
)

// manner is something that partners do daily when we call them: what becomes of our
// request before an honest peer has it, and of its answer before we have it.
type manner struct {
	name   string
	in     []ocpi.Version
	asked  func(r *http.Request) (refused int)      // an HTTP status; nil = all is well
	answer func(r *http.Request, a *answering)      // nil = as it is
	write  func(w http.ResponseWriter, body string) // nil = as it is
}

// answering is an answer that can be changed.
type answering struct {
	http.Header
	status int
	body   string
}

// replace changes the answer wherever a pattern matches.
func (a *answering) replace(pattern, with string) {
	a.body = regexp.MustCompile(pattern).ReplaceAllString(a.body, with)
}

// changed is a manner of bodies.
func changed(pattern, with string) func(*http.Request, *answering) {
	return func(_ *http.Request, a *answering) { a.replace(pattern, with) }
}

// lists is a manner of the bodies of lists alone.
func lists(pattern, with string) func(*http.Request, *answering) {
	return func(r *http.Request, a *answering) {
		if isList(r) {
			a.replace(pattern, with)
		}
	}
}

func isList(r *http.Request) bool { return r.URL.Query().Has("limit") }

var (
	newer  = []ocpi.Version{ocpi.V221, ocpi.V230}
	oldest = []ocpi.Version{ocpi.V211}
)

// tokenOf is what an Authorization header holds, and whether that is Base64 of
// something that a token may be.
func tokenOf(r *http.Request) (given, decoded string, encoded bool) {
	given = strings.TrimPrefix(r.Header.Get("Authorization"), "Token ")
	plain, err := base64.StdEncoding.DecodeString(given)
	return given, string(plain), err == nil && !strings.ContainsFunc(string(plain), func(c rune) bool { return c <= ' ' || c > '~' })
}

// manners are all there are.
var manners = []manner{
	{name: "none"},

	// Where it is.
	{name: "a version under a path of its own",
		asked: func(r *http.Request) int {
			if strings.Contains(r.URL.Path, "/2.") {
				return http.StatusNotFound
			}
			r.URL.Path = regexp.MustCompile(`/api/ocpi-v(\d)(\d)(\d)\b`).ReplaceAllString(r.URL.Path, "/ocpi/$1.$2.$3")
			return 0
		},
		answer: func(_ *http.Request, a *answering) {
			pattern := regexp.MustCompile(`/ocpi/(\d)\.(\d)\.(\d)\b`)
			a.body = pattern.ReplaceAllString(a.body, "/api/ocpi-v$1$2$3")
			if link := a.Get("Link"); link != "" {
				a.Set("Link", pattern.ReplaceAllString(link, "/api/ocpi-v$1$2$3"))
			}
		}},
	{name: "URLs that end in a slash, and are none without",
		asked: func(r *http.Request) int {
			path, ok := strings.CutSuffix(r.URL.Path, "/")
			if r.URL.Path = path; !ok && !strings.HasSuffix(path, "/versions") {
				return http.StatusNotFound
			}
			return 0
		},
		answer: func(_ *http.Request, a *answering) {
			a.replace(`("url":"[^"]*[^/"])"`, `$1/"`)
			a.Set("Link", strings.Replace(a.Get("Link"), "?", "/?", 1))
		}},
	{name: "URLs without a host", answer: changed(`"url":"https?://[^/"]+(/ocpi/\d)`, `"url":"$1`)},
	{name: "modules in capitals, roles in small letters", answer: func(_ *http.Request, a *answering) {
		for _, word := range []string{"credentials", "locations", "tariffs", "sessions", "cdrs", "tokens"} {
			a.replace(`"identifier":"`+word+`"`, `"identifier":"`+strings.ToUpper(word[:1])+word[1:]+`"`)
		}
		a.replace(`"role":"SENDER"`, `"role":"Sender"`)
		a.replace(`"role":"RECEIVER"`, `"role":"receiver"`)
	}},
	{name: "versions and modules that nobody knows", answer: func(_ *http.Request, a *answering) {
		a.replace(`\[\{"version":`, `[{"version":"2.2.1-d2","url":"https://x.example"},{"version":"9.9","url":"https://x.example"},{"version":`)
		a.replace(`"endpoints":\[`, `"endpoints":[{"identifier":"TNM_ads","role":"SENDER","url":"https://x.example"},{"identifier":"cdrs_v2","role":"OBSERVER","url":"https://x.example"},`)
	}},
	{name: "one thing in place of a list of it", answer: func(_ *http.Request, a *answering) {
		a.replace(`"data":\[(\{"version":[^\]]*\})\]`, `"data":$1`)
	}},

	// Who we are.
	{name: "the token raw", in: newer, asked: func(r *http.Request) int {
		given, _, encoded := tokenOf(r)
		r.Header.Set("Authorization", "Token "+base64.StdEncoding.EncodeToString([]byte(given)))
		return map[bool]int{true: http.StatusUnauthorized}[encoded]
	}},
	{name: "the token in Base64", in: oldest, asked: func(r *http.Request) int {
		_, decoded, encoded := tokenOf(r)
		r.Header.Set("Authorization", "Token "+decoded)
		return map[bool]int{false: http.StatusUnauthorized}[encoded]
	}},

	// What it knows.
	{name: "no methods but those it must have", asked: func(r *http.Request) int {
		known := r.Method == http.MethodGet || strings.HasSuffix(r.URL.Path, "/credentials") && slices.Contains([]string{"POST", "PUT", "DELETE"}, r.Method)
		return map[bool]int{false: http.StatusNotImplemented}[known]
	}},
	{name: "no parameters but those of OCPI", asked: func(r *http.Request) int {
		for name := range r.URL.Query() {
			if !slices.Contains([]string{"date_from", "date_to", "offset", "limit"}, name) {
				return http.StatusBadRequest
			}
		}
		return 0
	}},
	{name: "no HTTP/1.1 beyond one request", answer: func(_ *http.Request, a *answering) { a.Set("Connection", "close") }},
	{name: "nothing without a length of the body", asked: func(r *http.Request) int {
		return map[bool]int{true: http.StatusLengthRequired}[r.ContentLength < 0]
	}},

	// How it answers.
	{name: "no X-Total-Count and no X-Limit", answer: func(_ *http.Request, a *answering) { a.Del("X-Total-Count"); a.Del("X-Limit") }},
	{name: "no Link", answer: func(_ *http.Request, a *answering) { a.Del("Link") }},
	{name: "headers in small letters", answer: func(_ *http.Request, a *answering) {
		for name, values := range maps.Clone(a.Header) {
			a.Del(name)
			a.Header[strings.ToLower(name)] = values
		}
	}},
	{name: "no ids of messages and no routing", answer: func(_ *http.Request, a *answering) {
		maps.DeleteFunc(a.Header, func(name string, _ []string) bool {
			return strings.HasSuffix(name, "-Id") || strings.HasPrefix(name, "Ocpi-")
		})
	}},
	{name: "HTTP 201 for everything", answer: func(_ *http.Request, a *answering) {
		if a.status == http.StatusOK {
			a.status = http.StatusCreated
		}
	}},
	{name: "the code in quotes, no message and no timestamp", answer: changed(`"status_code":(\d+),.*$`, `"status_code":"$1"}`)},
	{name: "members in another order, with more of them", answer: changed(`^\{"data":(.*),("status_code":\d+,.*)\}$`, `{"version":1,$2,"data":$1,"errors":[]}`)},
	{name: "a byte order mark", answer: changed(`^`, "\ufeff")},
	{name: "white space", answer: changed(`([{,:\[])"`, "$1\r\n\t \"")},
	{name: "compressed", write: func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, body)
		_ = z.Close()
	}},
	{name: "in pieces", write: func(w http.ResponseWriter, body string) {
		for piece := range slices.Chunk([]byte(body), 1000) {
			_, _ = w.Write(piece)
			_ = http.NewResponseController(w).Flush()
		}
	}},

	// What its objects are like.
	{name: "one value on a page that nobody knows", answer: func(r *http.Request, a *answering) {
		for _, value := range []string{`"AVAILABLE"`, `"WHITELIST"`, `"ENERGY"`, `"COMPLETED"`} {
			if isList(r) {
				a.body = strings.Replace(a.body, value, `"SOMETHING_NEW"`, 1)
			}
		}
	}},
	{name: "owners in small letters", in: newer, answer: lists(`"country_code":"NL","(.*?)"party_id":"TNM"`, `"country_code":"nl","$1"party_id":"tnm"`)},
	{name: "ids in small letters", answer: lists(`"id":"TNM-`, `"id":"tnm-`)},
	{name: "numbers in quotes", answer: lists(`"(kwh|total_energy|total_time|price|volume|excl_vat|before_taxes)":([0-9.]+)`, `"$1":"$2"`)},
	{name: "explicit nulls", answer: lists(`"last_updated":`, `"remark":null,"last_updated":`)},
	{name: "times without Z", answer: lists(`(:\d\d)Z"`, `$1"`)},
	{name: "times with milliseconds", answer: lists(`(:\d\d)Z"`, `$1.000Z"`)},
	{name: "texts that are too long", answer: lists(`"city":"Utrecht"`, `"city":"`+strings.Repeat("Utrecht ", 20)+`"`)},
	{name: "mandatory members missing", answer: lists(`"auth_method":"WHITELIST",|"city":"Utrecht",|"publish":true,`, ``)},
	{name: "members that nobody knows", answer: lists(`\{"`, `{"x_own":{"a":[1,{}]},"`)},
	{name: "a cdr_token without its party", in: newer, answer: lists(`"country_code":"DE","party_id":"EMP",|"party_id":"EMP",`, ``)},
}

// over serves a peer by this manner.
func (m *manner) over(p http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if m.asked != nil {
			if refused := m.asked(r); refused != 0 {
				w.WriteHeader(refused)
				return
			}
		}
		from := httptest.NewRecorder()
		p.ServeHTTP(from, r)
		a := answering{from.Header(), from.Code, from.Body.String()}
		if m.answer != nil {
			m.answer(r, &a)
		}
		maps.Copy(w.Header(), a.Header)
		if m.write != nil {
			m.write(w, a.body)
			return
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}
}

// Partners as they are when we call them: each manner in every version. The handshake is
// done all the same, every list is read to its end, each object of it is taken once, and
// none is lost for what is odd in it or beside it; tokens are exchanged, and it is parted
// from.
func TestPartnersAsTheyAreCalled(t *testing.T) {
	for i := range manners {
		for _, v := range []ocpi.Version{ocpi.V211, ocpi.V221, ocpi.V230} {
			if m := &manners[i]; m.in == nil || slices.Contains(m.in, v) {
				t.Run(m.name+" in "+v.String(), func(t *testing.T) { m.called(t, v) })
			}
		}
	}
}

func (m *manner) called(t *testing.T, v ocpi.Version) {
	other, err := peer.New(peer.Options{Role: peer.CPO, Party: ocpi.NewParty("NL", "TNM"), Version: v})
	if err != nil {
		t.Fatal(err)
	}
	s := newDesk(t, m.over(other))
	other.SetURL(s.URL)
	c := testRegistrar(t)
	connected, err := c.Connect(t.Context(), Invited{URL: other.VersionsURL(), Token: other.TokenA(), Version: v, Role: "CPO"})
	if err != nil {
		t.Fatal(err)
	}
	p, log := wholePuller(t, c)
	for n, want := range [][]PulledModule{
		{{Module: "locations", Read: 3, New: 3, NeverPushed: 3}, {Module: "tariffs", Read: 2, New: 2, NeverPushed: 2}, {Module: "sessions", Read: 25, New: 25, NeverPushed: 25}, {Module: "cdrs", Read: 25, New: 25, NeverPushed: 25}},
		{{Module: "locations", Read: 3}, {Module: "tariffs", Read: 2}, {Module: "sessions", Read: 25}, {Module: "cdrs", Read: 25}},
	} {
		got, err := p.pull(t.Context(), connected.Partner, wanted{windowed: true, whole: true, first: time.Now().Add(-FirstWindow)}, nil)
		if diff := cmp.Diff(want, got.Modules); diff != "" || err != nil {
			t.Errorf("pull %d: %v %s", n, err, diff)
		}
	}
	refused, err := log.Read(t.Context(), log.Partitions(ingest.TopicRefused)[0], 0, 10)
	for _, r := range refused {
		t.Errorf("refused for %s: %.300s", r.Reason, r.Body)
	}
	if err != nil {
		t.Error(err)
	}
	one, err := c.Rotate(t.Context(), connected.Partner, "", true)
	if err != nil {
		t.Fatalf("exchange tokens: %v", err)
	}
	if err := c.Unregister(t.Context(), one); err != nil || other.Registered() {
		t.Errorf("part: %v", err)
	}
}

// wholePuller pulls into an intake as it is in life, over a log in memory.
func wholePuller(t *testing.T, c *Registrar) (*Puller, *ingesttest.Log) {
	t.Helper()
	log := ingesttest.NewLog(1)
	index := reference.NewIndex(referencetest.Of(objectstest.NewStore()))
	follower := objectstest.Follow(t, log, objectstest.NewStore(), append(index.Folds(), owned.Sessions{})...)
	p := testPuller(t, newIntake())
	p.Limits = ingest.DefaultLimits
	p.Partners, p.Secrets, p.Objects = c.Partners, c.Sealer, follower
	p.FirstCDR = func(ctx context.Context, key ocpi.Key) ([]byte, bool, error) {
		records, err := log.Read(ctx, log.Partitions(ingest.TopicCDRs)[0], 0, 1000)
		for _, r := range records {
			if r.Key == key {
				return r.Body, true, err
			}
		}
		return nil, false, err
	}
	p.Intake = ingest.NewService(log, follower, time.Now, p.Limits, ingest.NewMetrics(prometheus.NewRegistry()))
	return p, log
}
