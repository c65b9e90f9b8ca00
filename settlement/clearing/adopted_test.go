package clearing_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// adoption has a copy count in the place of the one at another record.
func adoption(by string, control, of, other int64) clearing.NewDecision {
	n := decision(clearing.Adopt, by, control, of)
	n.Groups[0].Covers = []string{}
	n.Copy = ingest.Position{Offset: other}
	return n
}

// An adoption is a decision like the others: the log says whose stands where two look at
// one CDR, by either copy, and it is read as it was said.
func TestAdoptions(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	first := adoption("key-anna", 0, 5, 9)
	first.Scope, first.Digest = scope(t, "NL*TNM DE*EMP"), ingest.Digest{1, 2}
	for i, c := range []struct {
		decide clearing.NewDecision
		want   string
	}{
		{first, ""},
		{adoption("key-bert", 0, 5, 12), "record 0-0-5 was decided on meanwhile (adopt), control record 0: look again"},
		{decision(clearing.Accept, "key-bert", 0, 9), "record 0-0-9 was decided on meanwhile (adopt), control record 0: look again"},
		{decision(clearing.Accept, "key-bert", 1, 9), ""},
		{adoption("key-anna", 3, 9, 5), "record 0-0-9 was decided on meanwhile (accept), control record 3: look again"},
		{adoption("key-anna", 4, 9, 5), ""},
		{adoption("key-anna", 9, 5, 6), "control offset 9 is behind the decision itself, control record 6"},
	} {
		at, err := d.decided.Decide(t.Context(), "", c.decide)
		if got := fmt.Sprint(err); at != int64(i) || c.want == "" && err != nil || c.want != "" && got != c.want {
			t.Errorf("decision %d at %d: %s, want %q", i, at, got, c.want)
		}
	}
	var got []string
	_, err := d.decided.Since(t.Context(), 0, func(r *clearing.DecisionRecord) error {
		if got = append(got, fmt.Sprint(r.Offset, " ", r.Act, " ", r.Groups[0].CDRs, " ", r.Copy)); r.Offset == 0 {
			if diff := cmp.Diff(first, r.NewDecision); diff != "" || r.Decision(&r.Groups[0]) != nil {
				t.Errorf("it is not read as it was said, or leaves a decision: %s", diff)
			}
		}
		return nil
	})
	if diff := cmp.Diff([]string{"0 adopt [0-0-5] 0-0-9", "3 accept [0-0-9] 0-0-0", "5 adopt [0-0-9] 0-0-5"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// What makes no sense is refused, naming the field.
func TestAdoptionsThatMakeNoSense(t *testing.T) {
	n := adoption("key-anna", 7, 5, 9)
	n.Scope = scope(t, "NL*TNM -")
	valid, err := json.Marshal(n.Event())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{`x`, `y`, "<nil>"},
		{`"0-0-5"`, `""`, `cdr: "" is not the record of one CDR, such as 0-1-27`},
		{`"0-0-9"`, `"9"`, `copy: "9" is not the record of a copy, such as 0-1-27`},
		{`"0-0-9"`, `"0-0-09"`, `copy: "0-0-09" is not the record of a copy, such as 0-1-27`},
		{`"0-0-9"`, `"0-0-5"`, "copy: 0-0-5 is the one that counts"},
		{`"0-0-9"`, `"0-1-9"`, "copy: 0-1-9 is in another partition than 0-0-5, so of another CDR"},
		{`"as agreed by phone"`, `" "`, "reason: want 1 to 500 bytes of UTF-8 without control characters"},
		{`"key-anna"`, `""`, "by: 0 bytes, want 1 to 64"},
		{`"control":7`, `"control":-7`, "control: want no negative number"},
		{`"NL*TNM"`, `"nl*tnm"`, `cpo: "nl*tnm" is not a party such as NL*TNM`},
	} {
		text := strings.Replace(string(valid), c.from, c.to, 1)
		if text == string(valid) && c.from != "x" {
			t.Fatalf("nothing to replace by %s in %s", c.to, valid)
		}
		var event clearing.CDRAdopted
		if err := ocpi.DecodeStrict([]byte(text), &event); err != nil {
			t.Fatal(err)
		}
		if err := event.Validate(); fmt.Sprint(err) != c.want {
			t.Errorf("%s: %v, want %s", c.to, err, c.want)
		}
	}
	n.Groups[0].CDRs = records(5, 6)
	if err := n.Event().Validate(); err == nil {
		t.Error("two CDRs adopt one copy")
	}
}
