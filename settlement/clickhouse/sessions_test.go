package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

const twinsOne = `
	GB*DUN NL*EXW a1 2019-01-15 GBP 5.00/6.00   priced 5.00/6.00 -
	GB*DUN NL*EXW b1 2019-01-15 GBP 5.00/6.00   priced 5.00/6.00 -
	GB*DUN NL*EXW c1 2019-01-15 GBP 5.00/6.00   priced 5.00/6.00 -
	GB*DUN NL*EXW d1 2019-01-15 GBP 5.00/6.00   priced 5.00/6.00 -
	GB*DUN NL*EXW c1 2019-01-15 GBP 5.00/6.00   priced 5.00/6.00 -
	FR*BEL NL*EXW a1 2019-01-15 EUR 5.00/6.00   priced 5.00/6.00 -`

const twinsTwo = `
	GB*DUN NL*EXW a2 2019-01-15 GBP 5.00/6.00   priced 5.00/6.00 -
	GB*DUN NL*EXW b2 2019-01-15 GBP 5.00/6.00   priced 5.00/6.00 -
	GB*DUN NL*EXW k2 2019-02-01 GBP -5.00/-6.00 credit b2        -
	GB*DUN NL*EXW a3 2019-01-15 GBP 5.00/6.00   priced 5.00/6.00 -`

// a1, a2 and a3 are of one Session, another CPO's a1 of another of that id; b2 is
// credited; c1 came again; d1 names none.
const twinsFound = `credited GB*DUN*B2 -> GB*DUN*K2
session_billed_twice GB*DUN*A1 -> GB*DUN*A2
session_billed_twice GB*DUN*A2 -> GB*DUN*A1
session_billed_twice GB*DUN*A3 -> GB*DUN*A1
`

// inSessions makes ids of one letter those of one Session, but for d.
func inSessions(b *pricing.Batch) *pricing.Batch {
	for i := range b.Rows {
		if id := b.Rows[i].ID; !strings.HasPrefix(id, "d") {
			b.Rows[i].SessionID = "S" + strings.ToUpper(id[:1])
		}
	}
	return b
}

// Which Sessions are billed twice follows from what is stored, however it came.
func TestSessionsBilledTwiceInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	for range 4 {
		s := newStore(t)
		one, two := cut(inSessions(batchOf(t, 0, 0, twinsOne)), 1+random.IntN(3)), cut(inSessions(batchOf(t, 1, 0, twinsTwo)), 1+random.IntN(3))
		pass := relater(s)
		for len(one)+len(two) > 0 {
			from := &one
			if len(one) == 0 || len(two) > 0 && random.IntN(2) == 0 {
				from = &two
			}
			write(t, s, (*from)[0])
			*from = (*from)[1:]
			if random.IntN(2) == 0 {
				relate(t, pass)
			}
		}
		relate(t, pass)
		if diff := cmp.Diff(twinsFound, related(t, s)); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
		shared := 0
		if err := s.SharedSessions(t.Context(), func(uint64) error { shared++; return nil }); err != nil || shared != 2 {
			t.Errorf("%d Sessions of several copies, %v; want 2", shared, err)
		}
		if unlisted, err := s.UnlistedSessions(t.Context(), 10); err != nil || len(unlisted) > 0 {
			t.Errorf("not listed: %v, %v", unlisted, err)
		}
		if err := s.conn.Exec(t.Context(), "TRUNCATE TABLE session_cdrs"); err != nil {
			t.Fatal(err)
		}
		if unlisted, err := s.UnlistedSessions(t.Context(), 10); err != nil || len(unlisted) != 8 {
			t.Errorf("of an empty table are not listed: %v, %v; want 8", unlisted, err)
		}
	}
}

// A Session is billed where a CDR of its CPO names it, a credit alone does not.
// CDRs that name no Session are found by who bills whom, and by where and when the charge
// began.
func TestChargeCDRs(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, twinsOne+`
	GB*DUN DE*TNM e1 2019-01-15 GBP 5.00/6.00   priced 5.00/6.00 -
	GB*DUN -      f1 2019-01-15 GBP 5.00/6.00   priced 5.00/6.00 -
	GB*DUN NL*EXW g1 2019-01-15 GBP 5.00/6.00   priced 5.00/6.00 -
	GB*DUN NL*EXW h1 2019-01-15 GBP 5.00/6.00   priced 5.00/6.00 -`)
	at := ocpi.TimeOf(time.Date(2019, 1, 14, 23, 0, 0, 0, time.UTC))
	for i := range b.Rows {
		b.Rows[i].LocationID, b.Rows[i].Start, b.Rows[i].SessionID = "l1", at, ""
		switch b.Rows[i].ID {
		case "b1":
			b.Rows[i].SessionID = "S1"
		case "g1":
			b.Rows[i].LocationID = "L2"
		case "h1":
			b.Rows[i].Start += ocpi.Time(time.Hour)
		}
	}
	write(t, s, b)
	for _, c := range []struct {
		name        string
		cpo, debtor ocpi.Party
		location    string
		after       time.Duration
		want        string
	}{
		{"all of its own or of nobody", ocpi.NewParty("GB", "DUN"), ocpi.NewParty("NL", "EXW"), "L1", 0, "A1 C1 D1 F1"},
		{"another eMSP", ocpi.NewParty("GB", "DUN"), ocpi.NewParty("DE", "TNM"), "L1", 0, "E1 F1"},
		{"another CPO", ocpi.NewParty("FR", "BEL"), ocpi.NewParty("NL", "EXW"), "L1", 0, "A1"},
		{"another place", ocpi.NewParty("GB", "DUN"), ocpi.NewParty("NL", "EXW"), "L2", 0, "G1"},
		{"another time", ocpi.NewParty("GB", "DUN"), ocpi.NewParty("NL", "EXW"), "L1", time.Hour, "H1"},
		{"none", ocpi.NewParty("GB", "DUN"), ocpi.NewParty("NL", "EXW"), "L1", 2 * time.Hour, ""},
	} {
		from := at + ocpi.Time(c.after)
		keys, err := s.ChargeCDRs(t.Context(), settlement.ChargeQuery{CPO: c.cpo, Debtor: c.debtor, Location: c.location, From: from, To: from + 1}, 10)
		var ids []string
		for _, k := range keys {
			ids = append(ids, k.ID)
		}
		if got := strings.Join(ids, " "); got != c.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestBilled(t *testing.T) {
	s := newStore(t)
	for _, b := range cut(inSessions(batchOf(t, 0, 0, twinsOne)), 3) {
		write(t, s, b)
	}
	for _, b := range cut(inSessions(batchOf(t, 1, 0, twinsTwo)), 2) {
		write(t, s, b)
	}
	for _, c := range []struct {
		cpo     string
		session string
		want    bool
	}{
		{"GBDUN", "SA", true}, {"GBDUN", "SC", true}, {"FRBEL", "SA", true}, {"FRBEL", "SB", false}, {"GBDUN", "SD", false}, {"GBDUN", "SK", false},
		{"GBDUN", "", false},
	} {
		if got, err := s.Billed(t.Context(), ocpi.NewParty(c.cpo[:2], c.cpo[2:]), c.session); got != c.want || err != nil {
			t.Errorf("%s of %s: %v, %v; want %v", c.session, c.cpo, got, err, c.want)
		}
	}
}

// BenchmarkChargeCDRs measures how the CDR of a charge is found that names no Session, in
// a store of -rows CDRs (with -args -rows N) that came in the order of their charges, a
// day late at most, over 36 months: of one CPO in ten, and of a large one. engine-ms is
// the CPU of the engine for one charge.
func BenchmarkChargeCDRs(b *testing.B) {
	const block = 500_000 // more at once is more memory than the engine has
	n := *largeRows
	var inserts []string
	for from := 0; from < n; from += block {
		inserts = append(inserts, fmt.Sprintf(`INSERT INTO results (country, party, id, partition, epoch, offset, ver, cpo_country, cpo_party, emsp_country, emsp_party, month, currency, status, received, start, end, session_id, location_id)
			SELECT 'GB', if(r %% 10 = 0, 'BIG', leftPad(toString(r %% 100), 3, '0')) AS cpo, hex(r) AS id, number %% 2, 1, intDiv(number, 2), number, 'GB', cpo, 'NL', 'EXW',
				toYYYYMM(end), 'EUR', 'priced', end + 60, toDateTime64('2019-01-01 00:00:00', 9, 'UTC') + intDiv(number * 93312000, %d) AS came, came + 3600 + r %% 86400 AS end, '', concat('LOC', toString(r %% 5000))
			FROM (SELECT number, sipHash64(number) AS r FROM numbers(%d, %d)) SETTINGS max_partitions_per_insert_block = 0`, n, from, min(block, n-from)))
	}
	s := filled(b, inserts...)
	for _, party := range []string{"007", "BIG"} {
		var charges []settlement.ChargeQuery
		err := s.each(b.Context(), "sample", "SELECT location_id, toUnixTimestamp64Nano(start) FROM results WHERE party = ? ORDER BY sipHash64(id) LIMIT 200", []any{party}, func(rows driver.Rows) error {
			q := settlement.ChargeQuery{CPO: ocpi.NewParty("GB", party), Debtor: ocpi.NewParty("NL", "EXW")}
			var start int64
			err := rows.Scan(&q.Location, &start)
			q.From, q.To = ocpi.Time(start-2*int64(time.Minute)), ocpi.Time(start+2*int64(time.Minute))
			charges = append(charges, q)
			return err
		})
		if err != nil || len(charges) == 0 {
			b.Fatal("no charges to look for: ", err)
		}
		b.Run(party, func(b *testing.B) {
			began := cpuOf(b, engine.Pid())
			for i := 0; b.Loop(); i++ {
				if found, err := s.ChargeCDRs(b.Context(), charges[i%len(charges)], 20); err != nil || len(found) == 0 {
					b.Fatalf("%+v: %v, %v", charges[i%len(charges)], found, err)
				}
			}
			b.ReportMetric(float64((cpuOf(b, engine.Pid())-began).Microseconds())/1000/float64(b.N), "engine-ms")
		})
	}
}
