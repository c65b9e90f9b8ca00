package rest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// copiesOf are copies of a CDR at 1-0-1 and so on, of each what it says; the one at an offset
// counts.
func copiesOf(counts int64, says string) *settlement.Copies {
	c := &settlement.Copies{First: ingest.Position{Epoch: 1, Offset: 1}}
	for i := range says {
		one := settlement.Copy{Position: ingest.Position{Epoch: 1, Offset: int64(i) + 1}, Hash: ingest.Hash{says[i]}}
		if one.Position.Offset == counts {
			c.All = append([]settlement.Copy{one}, c.All...)
		} else {
			c.All = append(c.All, one)
		}
	}
	return c
}

// Another copy of a CDR is to count where there is one that says something else, and nothing
// about the CDR is decided before it does.
func TestDecidingWhichCopyCounts(t *testing.T) {
	waiting := func(c *settlement.Copies, offset int64) *settlement.Copies {
		c.Pending = &ingest.Position{Epoch: 1, Offset: offset}
		return c
	}
	spent := func(c *settlement.Copies) *settlement.Copies {
		c.Generation = pricing.MaxGeneration
		return c
	}
	emp, oth := ocpi.NewParty("DE", "EMP"), ocpi.NewParty("FR", "OTH")
	c3, c4 := ocpi.NewKey("NL", "TNM", "C3"), ocpi.NewKey("NL", "TNM", "C4")
	for _, tc := range []struct {
		name    string
		by      ocpi.Party
		body    string
		copies  *settlement.Copies
		pending []ocpi.Key
		want    string // what is decided, or why not
	}{
		{"another copy", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-2"`, copiesOf(1, "ab"), nil, "adopt [{[] [0-0-3]}] 1-0-2 of NL*TNM → DE*EMP"},
		{"by a party's key", emp, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-2"`, copiesOf(1, "ab"), nil, "adopt [{[] [0-0-3]}] 1-0-2 of NL*TNM → DE*EMP"},
		{"by another's, who does not see it", oth, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-9"`, copiesOf(1, "ab"), nil, "not found"},
		{"the first again", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-1"`, copiesOf(2, "ab"), nil, "adopt [{[] [0-0-3]}] 1-0-1 of NL*TNM → DE*EMP"},
		{"a repeat of the first", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-3"`, copiesOf(2, "aba"), nil, "adopt [{[] [0-0-3]}] 1-0-3 of NL*TNM → DE*EMP"},
		{"the last time", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-2"`, func() *settlement.Copies { c := copiesOf(1, "ab"); c.Generation = pricing.MaxGeneration - 1; return c }(), nil,
			"adopt [{[] [0-0-3]}] 1-0-2 of NL*TNM → DE*EMP"},

		{"no copy", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-9"`, copiesOf(2, "aba"), nil, "400 copy: 1-0-9 is no copy of NL*TNM*C3: these are 1-0-2 (counts), 1-0-1 (the first), 1-0-3"},
		{"there is but one", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-9"`, copiesOf(1, "a"), nil, "400 copy: 1-0-9 is no copy of NL*TNM*C3: these are 1-0-1 (the first, counts)"},
		{"no copy of many", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-1-1"`, copiesOf(1, "abcdefghijklmnopqrstuvw"), nil,
			"400 copy: 1-1-1 is no copy of NL*TNM*C3: these are 1-0-1 (the first, counts), 1-0-2, 1-0-3, 1-0-4, 1-0-5, 1-0-6, 1-0-7, 1-0-8, 1-0-9, 1-0-10, 1-0-11, 1-0-12, 1-0-13, 1-0-14, 1-0-15, 1-0-16, 1-0-17, 1-0-18, 1-0-19, 1-0-20, and 3 more"},
		{"it counts", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-2"`, copiesOf(2, "ab"), nil, "409 copy: 1-0-2 is the copy of NL*TNM*C3 that counts already"},
		{"it says the same", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-3"`, copiesOf(1, "aba"), nil, "409 copy: 1-0-3 says the same as 1-0-1, the copy of NL*TNM*C3 that counts already"},
		{"one is adopted already", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-3"`, waiting(copiesOf(1, "abc"), 2), nil,
			"409 cdr: copy 1-0-2 of NL*TNM*C3 is to count, as was decided, and is not priced yet: decide in a moment, or undo that"},
		{"too often", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-2"`, spent(copiesOf(1, "ab")), nil,
			"409 cdr: the result of NL*TNM*C3 was replaced 255 times, as often as can be: no other copy of it can count any more"},
		{"no receipt", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"second"`, nil, nil, `400 copy: "second" is not the receipt of a copy, such as 1-0-4711`},
		{"none is named", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3"`, nil, nil, "400 copy: required: the receipt of the copy that is to count, such as 1-0-4711"},
		{"of no CDR", ocpi.Party{}, `"act":"adopt","copy":"1-0-2"`, nil, nil, "400 cdr: required: of adopt, the key of the CDR of which another copy is to count"},
		{"of a ground", ocpi.Party{}, `"act":"adopt","ground":"age","copy":"1-0-2"`, nil, nil, "400 cdr: required: of adopt, the key of the CDR of which another copy is to count"},
		{"at an amount", ocpi.Party{}, `"act":"adopt","cdr":"NL*TNM*C3","copy":"1-0-2","at":"claimed"`, nil, nil, "400 at: not of adopt: rules say what the copy comes to"},
		{"another act with a copy", ocpi.Party{}, `"act":"accept","cdr":"NL*TNM*C3","copy":"1-0-2"`, nil, nil, "400 copy: only of adopt, which says what copy is to count"},

		{"accept of one that is to be another", ocpi.Party{}, `"act":"accept","cdr":"NL*TNM*C3"`, waiting(copiesOf(1, "ab"), 2), nil,
			"409 cdr: copy 1-0-2 of NL*TNM*C3 is to count, as was decided, and is not priced yet: decide in a moment, or undo that"},
		{"undo of that", ocpi.Party{}, `"act":"undo","cdr":"NL*TNM*C3"`, waiting(copiesOf(1, "ab"), 2), nil, "undo [{[age difference] [0-0-3]}] 0-0-0 of NL*TNM → DE*EMP"},
		{"undo of one that cannot go back", ocpi.Party{}, `"act":"undo","cdr":"NL*TNM*C3"`, spent(copiesOf(2, "ab")), nil,
			"409 cdr: the result of NL*TNM*C3 was replaced 255 times, as often as can be: no other copy of it can count any more"},
		{"undo of one that need not", ocpi.Party{}, `"act":"undo","cdr":"NL*TNM*C3"`, spent(copiesOf(1, "ab")), nil, "undo [{[age difference] [0-0-3]}] 0-0-0 of NL*TNM → DE*EMP"},
		{"a list of which one is to be another", ocpi.Party{}, `"act":"reject","ground":"difference","cpo":"NL*TNM","expect_digest":"x"`, nil, []ocpi.Key{c3},
			"409 cdr: another copy of NL*TNM*C3 is to count, as was decided, and is not priced yet: decide in a moment"},
		{"a list of others", ocpi.Party{}, `"act":"reject","ground":"age","cpo":"NL*TNM","expect_digest":"x"`, nil, []ocpi.Key{c4}, "409 expect_digest: the queue was changed since"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := &deciding{shelf: queueWorld(), copies: tc.copies, pending: tc.pending}
			for i, c := range d.shelf {
				c.Booked.Position.Offset, c.Booked.Version = int64(i), uint64(100+i)
			}
			var r rest.DecisionRequest
			if err := json.Unmarshal([]byte(`{"reason":"R",`+tc.body+`}`), &r); err != nil {
				t.Fatal(err)
			}
			_, err := r.Decide(t.Context(), d, "", rest.Key{Party: tc.by}, clearing.ByLocal)
			got := fmt.Sprintf("%s %v %s of %s", d.last.Act, d.last.Groups, d.last.Copy, d.last.Scope)
			if refused, ok := errors.AsType[*rest.Error](err); ok {
				got = fmt.Sprintf("%d %s: %s", refused.Status, refused.Field, refused.Message)
				got, _, _ = strings.Cut(got, ": now it is")
			} else if errors.Is(err, api.ErrNotFound) {
				got = "not found"
			} else if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("got %s\nwant %s", got, tc.want)
			}
		})
	}
}
