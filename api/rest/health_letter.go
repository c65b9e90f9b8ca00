package rest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// CSV is the health as a table: a row for each figure, those of the same section together.
// What is not known is empty.
func (r *PartnerHealth) CSV() *CSV {
	return &CSV{
		Head:   [][]string{{"partner", Cell(r.Partner)}, {"from", r.From}, {"to", r.To}},
		Header: []string{"section", "what", "code", "currency", "count", "of", "value", "claimed_excl_vat", "computed_excl_vat"},
		Rows: func(yield func([]string) bool) {
			for _, row := range r.rows() {
				if !yield(row) {
					return
				}
			}
		},
	}
}

func (r *PartnerHealth) rows() (rows [][]string) {
	add := func(section, what, code, currency, count, of, value, claimed, computed string) {
		rows = append(rows, []string{section, what, Cell(code), Cell(currency), count, of, Cell(value), claimed, computed})
	}
	plain := func(section, what, count, of, value string) { add(section, what, "", "", count, of, value, "", "") }
	n := func(v uint64) string { return strconv.FormatUint(v, 10) }
	if x := r.Exchanges; x != nil {
		plain("exchanges", "failed_in", n(x.In.Failed), n(x.In.Requests), given(x.In.Rate))
		plain("exchanges", "failed_out", n(x.Out.Failed), n(x.Out.Requests), given(x.Out.Rate))
		plain("exchanges", "not_kept", n(x.NotKept), "", "")
		for _, m := range x.Modules {
			add("module", m.Direction+" "+m.Kind, m.Object, "", n(m.Failed), n(m.Requests), m.Last, "", "")
		}
	}
	plain("token", "since", "", "", given(r.TokenSince))
	for _, one := range r.Certificates {
		add("certificate", one.Use, one.Subject, "", "", "", one.Ends, "", "")
	}
	if l := r.Locations; l != nil {
		plain("locations", "stale_evses", strconv.Itoa(l.Stale), strconv.Itoa(l.EVSEs), l.StaleAfter)
		plain("locations", "undated_evses", strconv.Itoa(l.Undated), strconv.Itoa(l.EVSEs), "")
		plain("locations", "connectors_without_tariff", strconv.Itoa(l.WithoutTariff), strconv.Itoa(l.Connectors), "")
	}
	if d := r.CDRs; d != nil {
		plain("cdrs", "late", n(d.Late), n(d.Timed), given(d.LateShare))
		plain("cdrs", "corrected", n(d.Corrected), n(d.CDRs), given(d.CorrectedShare))
		plain("cdrs", "p50_s", "", "", seconds(d.P50))
		plain("cdrs", "p95_s", "", "", seconds(d.P95))
		for _, day := range d.SilentDays {
			plain("cdrs", "silent_day", "", "", day)
		}
	}
	for _, one := range r.Differences {
		add("difference", one.Of, one.Code, one.Currency, n(one.CDRs), "", "", given(one.Claimed), given(one.Computed))
	}
	for _, f := range r.Findings {
		add("finding", f.Severity, f.Code, "", strconv.FormatInt(f.Count, 10), "", f.Last, "", "")
	}
	return rows
}

func given(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func seconds(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// Letter is the health in words that one can send to the partner: what we would like it to
// look at, each with how much of it there is and, of amounts, its figure and ours. What
// nobody knows, and what is as it should be, is not spoken of.
func (r *PartnerHealth) Letter() string {
	var b strings.Builder
	name := r.Name
	if name == "" {
		name = r.Partner
	}
	fmt.Fprintf(&b, "To: %s\nAbout: the exchange between us from %s to %s (days in UTC)\n\nHello,\n\n", plainLine(name), r.From, r.To)
	points := r.points()
	if len(points) == 0 {
		b.WriteString("Nothing in these days needs your attention. Thank you.\n")
		return b.String()
	}
	b.WriteString("We would like to go through the following with you. Amounts are without VAT.\n")
	for _, p := range points {
		b.WriteString("\n- " + p + "\n")
	}
	b.WriteString("\nIf you see any of this otherwise, please tell us the id of one such object, and we look at it together. Thank you.\n")
	return b.String()
}

// plainLine is text of a partner in a line of a letter.
func plainLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (r *PartnerHealth) points() (points []string) {
	add := func(format string, args ...any) { points = append(points, fmt.Sprintf(format, args...)) }
	for _, d := range r.Differences {
		amounts := fmt.Sprintf("your figure %s, ours %s", money(d.Claimed, d.Currency), money(d.Computed, d.Currency))
		if d.Of == "reason" {
			add("%s that we could not price: %s; your figure %s.", counted(d.CDRs, "CDR"), words(d.Code), money(d.Claimed, d.Currency))
			continue
		}
		why := "we have not found out why"
		if d.Code != settlement.CauseUnknown && d.Code != string(tariff.VerdictNoneFound) {
			why = words(d.Code)
		}
		add("%s with another price than ours: %s; %s.", counted(d.CDRs, "CDR"), why, amounts)
	}
	if d := r.CDRs; d != nil {
		if d.Late > 0 {
			add("%s of %d came later than %d hours after the end of the charge.", counted(d.Late, "CDR"), d.Timed, d.Due/3600)
		}
		if n := len(d.SilentDays); n > 0 {
			add("We have no CDR of a charge that ended on %s: %s. If nobody charged then, all is well.", counted(uint64(n), "day"), someOf(d.SilentDays))
		}
	}
	if l := r.Locations; l != nil {
		if l.WithoutTariff > 0 {
			add("No tariff is named at %s of %d: drivers see no price there.", counted(uint64(l.WithoutTariff), "connector"), l.Connectors)
		}
		if l.Stale > 0 {
			add("%s of %d did not change their status for %s or longer.", counted(uint64(l.Stale), "EVSE"), l.EVSEs, l.StaleAfter)
		}
		if l.Undated > 0 {
			add("Of %s of %d we do not know when the status changed last.", counted(uint64(l.Undated), "EVSE"), l.EVSEs)
		}
	}
	if x := r.Exchanges; x != nil {
		if x.In.Failed > 0 {
			add("%s of %d that you sent us since %s failed.", counted(x.In.Failed, "request"), x.In.Requests, x.Since)
		}
		if x.Out.Failed > 0 {
			add("%s of %d that we sent you since %s failed.", counted(x.Out.Failed, "request"), x.Out.Requests, x.Since)
		}
	}
	for _, c := range r.Certificates {
		if c.Ends <= r.To+"T23:59:59Z" {
			add("Your certificate %s (%s) is good until %s only.", plainLine(c.Subject), c.Use, c.Ends)
		}
	}
	for _, f := range r.Findings {
		add("%s: %s, found %s, the last time at %s.", plainLine(f.Code), plainLine(f.Detail), counted(uint64(f.Count), "time"), f.Last)
	}
	return points
}

// someOf names the first of many days.
func someOf(days []string) string {
	const most = 10
	if len(days) <= most {
		return strings.Join(days, ", ")
	}
	return strings.Join(days[:most], ", ") + fmt.Sprintf(" and %d more", len(days)-most)
}

func counted(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatUint(n, 10) + " " + what + "s"
}

func words(code string) string { return strings.ReplaceAll(plainLine(code), "_", " ") }

func money(amount *string, currency string) string {
	if amount == nil {
		return "not known"
	}
	return plainLine(strings.TrimSpace(currency + " " + *amount))
}
