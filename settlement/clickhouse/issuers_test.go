package clickhouse

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
)

// Lists are kept by their digests; one that is not what its digest says is none.
func TestIssuerLists(t *testing.T) {
	s := newStore(t)
	none, some := ocpi.Issuers{}, ocpi.Issuers{ocpi.NewParty("DE", "8AC"): ocpi.NewParty("DE", "EMP"), ocpi.NewParty("NL", "ABC"): ocpi.NewParty("NL", "EXW")}
	for _, list := range []ocpi.Issuers{none, some, some} {
		if err := s.NoteIssuers(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.conn.Exec(t.Context(), "INSERT INTO issuers VALUES ('0123456789abcdef', 'DE/8AC=DE/XXX')"); err != nil {
		t.Fatal(err)
	}
	got, err := s.IssuerLists(t.Context())
	if diff := cmp.Diff(map[string]ocpi.Issuers{none.Digest(): none, some.Digest(): some}, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}
