package ocpi

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEnvelope(t *testing.T) {
	now := time.Date(2026, 11, 28, 20, 0, 0, 999, time.FixedZone("", 3600))
	const tail = `,"timestamp":"2026-11-28T19:00:00Z"}`
	tests := []struct {
		e    Envelope
		want string
	}{
		{Envelope{Status: StatusSuccess}, `{"status_code":1000,"status_message":"Success"`},
		{Envelope{Status: StatusSuccess, Data: []byte(`[1]`)}, `{"data":[1],"status_code":1000,"status_message":"Success"`},
		{Envelope{Status: StatusInvalid, Message: `say "no"`}, `{"status_code":2001,"status_message":"say \"no\""`},
	}
	for _, tt := range tests {
		tt.e.Time = now
		if got := string(tt.e.Append(nil)); got != tt.want+tail {
			t.Errorf("%+v:\n got %s\nwant %s", tt.e, got, tt.want+tail)
		}
		if tt.e.Data == nil {
			continue
		}
		if got := string(tt.e.AppendEnd(append([]byte(EnvelopeData), tt.e.Data...))); got != tt.want+tail {
			t.Errorf("%+v in parts: %s", tt.e, got)
		}
	}
}

func TestParseListQuery(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2019, 1, d, 0, 0, 0, 0, time.UTC) }
	tests := []struct {
		in    string
		want  ListQuery
		wrong []string // the parameters
	}{
		{"", ListQuery{Limit: 50}, nil},
		{"limit=7&offset=3&anything=1", ListQuery{Offset: 3, Limit: 7}, nil},
		{"limit=51", ListQuery{Limit: 50}, nil},
		{"date_from=2019-01-01T00:00:00Z&date_to=2019-01-02T01:00:00%2B01:00", ListQuery{From: day(1), To: day(2), Limit: 50}, nil},
		{"date_from=&offset=-1&limit=0", ListQuery{}, []string{"date_from", "offset", "limit"}},
		{"date_to=tomorrow&offset=x&limit=-99999999999999999999", ListQuery{}, []string{"date_to", "offset", "limit"}},
		{"limit=99999999999&offset=99999999999999999999", ListQuery{Offset: maxOffset, Limit: 50}, nil},
		{"date_from=2019-01-01T02:00:00+02:00&date_to=2019-01-02", ListQuery{From: day(1), To: day(2), Limit: 50}, nil}, // + unescaped is a space
		{"date_from=2019-01-01%2000:00:00&date_to=2019-01-02%2002:00:00+0200", ListQuery{From: day(1), To: day(2), Limit: 50}, nil},
		{"date_from=2019-02-30&date_to=2019-01-02T00:00:00+x", ListQuery{}, []string{"date_from", "date_to"}},
	}
	for _, tt := range tests {
		q, err := url.ParseQuery(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseListQuery(q, 50)
		var wrong []string
		if invalid, ok := errors.AsType[*Invalid](err); ok {
			for _, f := range invalid.Fields {
				wrong = append(wrong, f.Path)
			}
		} else if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || !cmp.Equal(tt.wrong, wrong) {
			t.Errorf("%q: %s wrong %v, want %v", tt.in, diff, wrong, tt.wrong)
		}
	}
}

func TestNextPage(t *testing.T) {
	q := url.Values{"date_from": {"2019-01-01"}, "offset": {"0"}, "limit": {"900"}, "other": {"1"}}
	if got, want := NextPage(q, 50, 50).Encode(), "date_from=2019-01-01&limit=50&offset=50"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
