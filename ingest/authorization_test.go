package ingest

import (
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// A CDR is held against the authorizations of its Token that may be for its charge.
func TestWhichAuthorizationACDRShouldName(t *testing.T) {
	at := func(text string) ocpi.Time {
		v, _, err := ocpi.ParseTime(text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	list := []Authorization{
		{Reference: "old", Allowed: "ALLOWED", EMSP: "NL*EXW", At: "2026-01-05T08:00:00Z"},
		{Reference: "before", Allowed: "ALLOWED", EMSP: "NL*EXW", At: "2026-01-05T09:50:00Z"},
		{Reference: "elsewhere", Allowed: "ALLOWED", EMSP: "NL*EXW", Location: "L2", At: "2026-01-05T09:55:00Z"},
		{Reference: "no", Allowed: "BLOCKED", EMSP: "NL*EXW", At: "2026-01-05T09:58:00Z"},
		{Allowed: "ALLOWED", EMSP: "NL*EXW", At: "2026-01-05T09:58:30Z"},
		{Reference: "last", Allowed: "ALLOWED", EMSP: "NL*EXW", Location: "l1", At: "2026-01-05T09:59:00Z"},
		{Reference: "after", Allowed: "ALLOWED", EMSP: "NL*EXW", At: "2026-01-05T12:00:00Z"},
	}
	for name, c := range map[string]struct {
		names, emsp, want string
		named             bool
	}{
		"the last":             {"LAST", "NL EXW", "last", true},
		"an earlier one":       {"before", "NL EXW", "before", true},
		"another":              {"other", "NL EXW", "last", false},
		"none":                 {"", "NL EXW", "last", false},
		"one that was a no":    {"no", "NL EXW", "last", false},
		"one of a later":       {"after", "NL EXW", "last", false},
		"one of an old charge": {"old", "NL EXW", "last", false},
		"for who did not give": {"last", "DE EMP", "last", false},
		"of who is not said":   {"last", "", "last", true},
	} {
		cdr := &ocpi.CDR{Start: at("2026-01-05T10:00:00Z"), End: at("2026-01-05T11:00:00Z"), AuthorizationReference: c.names}
		cdr.Location.ID = "L1"
		if len(c.emsp) > 3 {
			cdr.Token.CountryCode, cdr.Token.PartyID = c.emsp[:2], c.emsp[3:]
		}
		found, named := AuthorizationOf(list, cdr)
		if found == nil || found.Reference != c.want || named != c.named {
			t.Errorf("%s: found %+v, named %t; want %s, %t", name, found, named, c.want, c.named)
		}
	}
	if found, _ := AuthorizationOf(list[:1], &ocpi.CDR{Start: at("2026-01-05T10:00:00Z")}); found != nil {
		t.Errorf("of another charge: %+v", found)
	}
}
