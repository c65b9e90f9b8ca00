package statement

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// An error lists so many groups, counts all, and says that there are others.
func TestUndecidedSaysWhatItDoesNotList(t *testing.T) {
	for groups, want := range map[int]string{
		2:                "4 CDRs are held: decide",
		maxUndecided + 5: "2010 CDRs are held, here the first 1000 groups of 1005: decide",
	} {
		u := newUndecided(&closing{})
		for i := range groups {
			key := waitingKey{"age", place{ocpi.NewParty("NL", "TNM"), ocpi.NewParty("DE", "EMP"), string(rune('A' + i))}}
			u.standing[key] = &Undecided{Ground: "age", Currency: key.currency, Count: 2, Claimed: decimal.NewFromInt(3)}
		}
		err := u.refuses()
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%d groups: %v, want %q", groups, err, want)
		}
		if e, ok := err.(*UndecidedError); !ok || len(e.List) > maxUndecided || len(e.List)+e.More != groups || len(e.Claimed) != groups { //nolint:errorlint // it is made here
			t.Errorf("%d groups: %d listed, %d more, %d currencies", groups, len(e.List), e.More, len(e.Claimed))
		}
	}
}
