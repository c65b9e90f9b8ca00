package reporttest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// Differing is a world in which the first CDRs that Dundee claims from Volt in one
// month differ for the named causes, in order, and no other of theirs does. The
// readings of a claim that several give are joined by a "+".
func Differing(causes ...string) (*Store, []*settlement.CDRDetail) {
	s := World(400)
	dundee, volt := ocpi.NewParty("GB", "DUN"), ocpi.NewParty("DE", "VOL")
	var pair []*settlement.CDRDetail
	for i := range s.All {
		d := &s.All[i]
		if d.ComputedExcl == nil || d.ComputedIncl == nil || d.ClaimedIncl == nil || d.CPO != dundee || d.EMSP != volt {
			continue
		}
		if len(pair) == len(causes) || len(pair) > 0 && (d.Month != pair[0].Month || d.Currency != pair[0].Currency) {
			d.Claim, d.Cause, d.Reconciliation = tariff.ClaimAgrees, "", nil
			continue
		}
		differ(d, strings.Split(causes[len(pair)], "+"))
		pair = append(pair, d)
	}
	if len(pair) < len(causes) {
		panic(fmt.Sprintf("the world has %d CDRs of one month, not %d", len(pair), len(causes)))
	}
	return s, pair
}

// differ makes a CDR differ for a cause that the readings with these codes give.
func differ(d *settlement.CDRDetail, codes []string) {
	r := pricing.Reconciliation{Verdict: string(tariff.VerdictFound), Dimensions: []string{}}
	switch {
	case len(codes) > 1:
		r.Verdict = string(tariff.VerdictSeveral)
	case strings.HasPrefix(codes[0], "stated_"):
		r.Verdict = string(tariff.VerdictStated)
	}
	for _, code := range codes {
		r.Readings = append(r.Readings, pricing.Reading{Code: code, Detail: code})
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // texts of our own
	}
	d.Claim, d.Cause, d.Reconciliation = tariff.ClaimDiffers, r.Cause(), b
}
