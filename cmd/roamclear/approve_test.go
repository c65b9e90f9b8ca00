package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/admin"
)

// newKey makes an API key and returns its secret.
func newKey(t *testing.T, data, party string, scopes ...string) string {
	t.Helper()
	var key admin.KeySecret
	flags := serviceFlags{data: data}
	client, err := flags.client()
	if err == nil {
		err = client.do(t.Context(), http.MethodPost, "/keys", admin.KeyRequest{Scopes: scopes, Party: party}, &key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key.Secret
}

// Where four eyes are agreed one key asks for a close and another one approves it, on the
// embedded log and store.
func TestACloseByFourEyes(t *testing.T) {
	data, s := pushed(t)
	exits := commandsOf(t, data)
	says := func(args string, wants ...string) string { t.Helper(); return exits(0, args, wants...) }
	const january = "statement show --cpo GB*DUN --emsp NL*EXW --currency GBP --period 2019-01"
	anna, boss := newKey(t, data, "", "finance:read", "finance:decide", "finance:approve"), newKey(t, data, "", "finance:approve")
	as := func(key string) { t.Helper(); t.Setenv(apiKeyVariable, key) }
	says("agreement set --from 2019-01 four_eyes=true")
	exits(1, "period close 2019-01", "four_eyes is agreed for 2019-01", "period close 2019-01 --request", "period close --approve ID")

	as(anna)
	draft := says(january, "draft: what a close now would issue")
	asked := says("period close 2019-01 --request", "ID PERIOD FOR STATEMENTS LINES", "2019-01 the house 1 7", "GB*DUN 1 none yet", "GBP 35")
	id := strings.Fields(strings.Split(asked, "\n")[1])[0]
	says("period list", "WAITS FOR STATEMENTS LINES ASKED BY ID NET", "2019-01 the house 1 7", id+" GBP 35")
	if again := says(january, "draft: what a close now would issue"); again != draft {
		t.Errorf("what is asked for changes the draft:\n%s", again)
	}
	says("verify --quiet", "requests 1 closes wait for their approval: their 7 lines are as they were written, and count nowhere", "verified")
	exits(1, "period close --approve "+id, "you asked for the close of 2019-01 of the house yourself")
	as(newKey(t, data, "", "finance:read"))
	exits(1, "period close --approve "+id, "has no scope finance:approve")
	as(newKey(t, data, "GB/DUN", "finance:approve"))
	exits(1, "period close --approve "+id, "a key of one party closes no period")
	as("nobody")
	exits(1, "period close --approve "+id, "refuses the API key in "+apiKeyVariable)

	as(boss)
	exits(1, "period close 2019-01 --request", "has no scope finance:decide")
	exits(1, "period close --approve 0", "control record 0 asks for no close")
	exits(exitUsage, "period close --approve "+id+" --undecided carry", "--approve takes the ID of a request alone")
	exits(exitUsage, "period close", "name the period to close")
	says("decide reject --cdr GB*DUN*C-5 --reason twice") // what waits is not what would be closed now
	exits(1, "period close --approve "+id, "were decided on meanwhile", "ask for the close of 2019-01 of the house again")
	says("verify --quiet", "verified")

	as("") // the admin token is a key like others
	draft = says(january, "draft: what a close now would issue")
	asked = says("period close 2019-01 --request --format json", `"outcome": "requested"`, `"by": "local"`)
	_, rest, _ := strings.Cut(asked, `"record": `)
	id, _, _ = strings.Cut(rest, ",")
	exits(1, "period close --approve "+id, "you asked for the close of 2019-01 of the house yourself")
	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-late", "EXW", "T1", "7.00", "8.40"))
	as(boss)
	says("period close --approve "+id, "2019-01 1 6", "asked for by local", "approved by key-", "GB*DUN 1 1 to 1")
	says("period close --approve "+id, "2019-01 1 6") // again, and nothing is written
	as("")
	if issued := says(january, "issued as 1, SHA-256 "); issued != draft {
		t.Errorf("issued is\n%s\nasked for was\n%s", issued, draft)
	}
	s.stored(8)
	says("statement list --period 2019-02", "GB*DUN NL*EXW 2019-02 GBP 1 20 7")
	says("period list", "2019-01 the house 1 6", "local, approved by key-")
	says("verify --quiet", "issued 1 statements of 1 closes, 6 lines: as they were issued", "verified")
	says("agreement set --from 2019-02 four_eyes=false")
	says("period close 2019-02")
	kept, err := s.inside.backends.store.Attempts(t.Context())
	if err != nil || len(kept) != 2 {
		t.Errorf("attempts: %v, %v", kept, err)
	}
}
