package hub

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ocpi"
)

// A partner is told of those it may exchange something with, what their
// connection is, and since when; page by page each once.
func TestListClients(t *testing.T) {
	h := serve(t, &backend{}, nil)
	list := func(token, query string) (clients []string, resp []string) {
		t.Helper()
		r, e := request(t, h, "GET", "/ocpi/2.2.1/sender/hubclientinfo"+query, token, "")
		var got []ocpi.ClientInfo
		if err := json.Unmarshal(e.Data, &got); err != nil || r.StatusCode != 200 || e.StatusCode != 1000 {
			t.Fatalf("HTTP %d with %d %q: %v", r.StatusCode, e.StatusCode, e.StatusMessage, err)
		}
		for _, c := range got {
			clients = append(clients, c.CountryCode+c.PartyID+" "+c.Role)
			if c.Status == "" || c.LastUpdated == "" {
				t.Errorf("%+v", c)
			}
		}
		return clients, []string{r.Header.Get("X-Total-Count"), r.Header.Get("Link")}
	}
	for _, tt := range []struct {
		token string
		want  []string
	}{
		{exwToken, []string{"DEBOT CPO", "FRNAP NAP", "GBDUN CPO", "GBPKC CPO"}},
		{dundeeToken, []string{"DEBOT EMSP", "DENSP NSP", "FRNAP NAP", "NLEXW EMSP"}},
		{nspToken, []string{"DEBOT CPO", "FRNAP NAP", "GBDUN CPO", "GBPKC CPO"}},
	} {
		got, _ := list(tt.token, "")
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.token, diff)
		}
	}
	var paged []string
	for query := "?limit=1"; query != ""; {
		got, headers := list(exwToken, query)
		if headers[0] != "4" || len(got) != 1 {
			t.Fatalf("%s: %v of %s", query, got, headers[0])
		}
		paged = append(paged, got...)
		_, query, _ = strings.Cut(headers[1], "hubclientinfo")
		query, _, _ = strings.Cut(query, ">")
	}
	if diff := cmp.Diff([]string{"DEBOT CPO", "FRNAP NAP", "GBDUN CPO", "GBPKC CPO"}, paged); diff != "" {
		t.Errorf("page by page: %s", diff)
	}
	if got, headers := list(exwToken, "?offset=3"); len(got) != 1 || headers[1] != "" {
		t.Errorf("an offset: %v", got)
	}
	if got, _ := list(exwToken, "?date_from=2119-02-01T00:00:00Z"); len(got) != 0 {
		t.Errorf("what has changed since: %v", got)
	}
	if _, e := request(t, h, "GET", "/ocpi/2.2.1/sender/hubclientinfo?cursor=!", exwToken, ""); e.StatusCode != 2001 {
		t.Errorf("no cursor: %d", e.StatusCode)
	}
}
