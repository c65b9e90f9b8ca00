package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// damage runs SQL on the store of a stopped service's data directory.
func damage(t *testing.T, data string, statements ...string) {
	t.Helper()
	dir, err := openDataDir(data)
	if err != nil {
		t.Fatal(err)
	}
	c := testConfig(data)
	b, err := openBackends(t.Context(), &c, dir, &certificates{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := ch.Open(&ch.Options{Addr: b.login.Addr, Auth: ch.Auth{Database: b.login.Database, Username: b.login.User, Password: b.login.Password}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := ch.Context(t.Context(), ch.WithSettings(ch.Settings{"mutations_sync": 1, "lightweight_deletes_sync": 1}))
	for _, sql := range statements {
		if err := conn.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := b.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	if err := dir.Close(); err != nil {
		t.Error(err)
	}
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from+"/.", to).CombinedOutput(); err != nil {
		t.Fatalf("copy %s: %v: %s", from, err, out)
	}
}

// pushed makes a data directory with some CDRs in it, stopped in order.
func pushed(t *testing.T) (data string, s *testService) {
	t.Helper()
	data = t.TempDir()
	s = startTest(t, data)
	s.partner("CPO", "GB", "DUN")
	s.partner("EMSP", "NL", "EXW")
	s.financeKey()
	s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L1", testLocation)
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L1", strings.Replace(testLocation, `"address":"`, `"address":"new `, 1))
	s.accepted("GB*DUN", "PUT", "/receiver/sessions/GB/DUN/X1", strings.NewReplacer("QQQ", "DUN", "EMP", "EXW", `"NL","party_id":"QQQ"`, `"GB","party_id":"DUN"`).Replace(clean["2.2.1"]["sessions"]))
	for i := range 6 {
		s.accepted("GB*DUN", "POST", cdrs, testCDR(fmt.Sprintf("c-%d", i), "EXW", "T1", "7.00", "8.40"))
	}
	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-0", "EXW", "T1", "7.00", "8.40"))
	s.accepted("GB*DUN", "POST", cdrs, credited(testCDR("c-1-C", "EXW", "T1", "-7.00", "-8.40"), "c-1"))
	s.stored(7)
	s.eventually("the reference records are stored", func() bool {
		store, log := s.inside.backends.store, s.inside.backends.log
		next, err := store.Checkpoint(t.Context(), log.Partitions(ingest.TopicReference)[0])
		sessions, errSessions := store.Checkpoint(t.Context(), log.Place(ingest.TopicSessions, ocpi.NewKey("GB", "DUN", "X1")))
		return err == nil && errSessions == nil && next == 3 && sessions == 1
	})
	s.eventually("the credit is held against what it credits", func() bool {
		page, err := s.inside.backends.store.Relations(t.Context(), settlement.RelationQuery{Kind: settlement.Credited, Limit: 1})
		return err == nil && len(page.Relations) == 1
	})
	return data, s
}

// verifyAll runs verify on a data directory and returns what it printed.
func verifyAll(t *testing.T, data string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := verify(t.Context(), testConfig(data), &out, io.Discard, &verifyFlags{quiet: true})
	return out.String(), err
}

// A mistyped directory must neither pass nor become an installation.
func TestNothingIsProvenWhereThereIsNoInstallation(t *testing.T) {
	f := func(name, data, missing string) {
		t.Helper()
		for _, cmd := range []*cobra.Command{newVerifyCmd(), newRepriceCmd()} {
			args := []string{"--data", data, "--quiet"}
			if cmd.Name() == "reprice" {
				args = append(args, "--from", "2019-01")
			}
			_, stderr, code := runCommand(t, cmd, "", args...)
			if code != exitUsage || !strings.Contains(stderr, "no installation in "+data) || !strings.Contains(stderr, missing+":") {
				t.Errorf("%s, %s: exit code %d, %s; want %s to be missing", name, cmd.Name(), code, stderr, missing)
			}
		}
	}
	home := t.TempDir()
	missing := filepath.Join(home, "mistyped")
	f("no directory", missing, filepath.Join(missing, "lock"))
	if entries, err := os.ReadDir(home); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	f("another directory", home, filepath.Join(home, "lock"))
	dir, err := openDataDir(home)
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	f("a service on servers had it", home, filepath.Join(home, "log"))
	if err := os.Mkdir(filepath.Join(home, "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	f("no store", home, filepath.Join(home, "store"))
}

func TestVerifySeesDamage(t *testing.T) {
	data, s := pushed(t)
	s.stop()
	if out, err := verifyAll(t, data); err != nil || !strings.Contains(out, "7: 6 priced, 0 rejected, 1 credits; beside them 1 repeats, 0 conflicts") {
		t.Fatalf("undamaged: %v\n%s", err, out)
	}

	f := func(name, want string, statements ...string) {
		t.Helper()
		copied := t.TempDir()
		copyDir(t, data, copied)
		damage(t, copied, statements...)
		out, err := verifyAll(t, copied)
		if err == nil || !strings.Contains(out, "DISAGREES") || !strings.Contains(out, want) {
			t.Errorf("%s: verify says %v, want it to fail and say %q:\n%s", name, err, want, out)
		}
	}
	f("a record gone", "are not in the store", "DELETE FROM records WHERE topic = 'cdrs' AND id = 'C-2'")
	f("a reference record gone", "roamclear.reference/0", "DELETE FROM records WHERE topic = 'reference' AND offset = 0")
	f("a CDR gone from lists", "no row in cdrs", "DELETE FROM cdrs WHERE id = 'C-3'")
	f("a CDR gone from reports", "no row in results", "DELETE FROM results WHERE id = 'C-3'")
	f("a result doubled where reports count it twice", "settlement report", doubleResult)
	f("a CDR doubled under another id", "no first copy", "INSERT INTO cdrs SELECT * REPLACE ('C-3B' AS id) FROM cdrs AS c WHERE c.id = 'C-3'")
	f("a computed amount changed", "computed excl_vat is stored as 6.99", "ALTER TABLE results UPDATE computed_excl = 6.99 WHERE id = 'C-3'")
	f("a claim changed", "claimed excl_vat is stored as 8", "ALTER TABLE results UPDATE claimed_excl = 8 WHERE id = 'C-3'")
	f("a debtor changed", "books CDR", "ALTER TABLE results UPDATE emsp_party = 'XXX' WHERE id = 'C-3'")
	f("a price turned into a reject", "stored as rejected", "ALTER TABLE results UPDATE status = 'rejected' WHERE id = 'C-3'")
	f("a verdict changed", "the claim is stored as", "ALTER TABLE results UPDATE claim = 'absent' WHERE id = 'C-3'")
	f("a tax changed", "taxes are stored as", "ALTER TABLE results UPDATE tax_amount = [0.01] WHERE id = 'C-3'")
	f("a relation gone", `relations lacks "credited`, "DELETE FROM relations WHERE kind = 'credited'")
	f("a relation made up", "does not follow from the bodies",
		"INSERT INTO relations SELECT * REPLACE ('credit_excess' AS kind) FROM relations AS r WHERE r.kind = 'credited'")
	f("a credit that is not listed", "credits does not list", "TRUNCATE TABLE credits")
	f("a copy gone", "of which it has no other copy", "DELETE FROM duplicates WHERE id = 'C-0' AND offset > 0")
	f("a CDR gone from an OCPI list", "sender_lists lacks CDR", "DELETE FROM sender_lists WHERE party = 'EXW'")
	f("a repeat made a conflict", "duplicates holds", "ALTER TABLE duplicates UPDATE hash = toFixedString('x', 32) WHERE id = 'C-0'")
	f("a later state of a Location lost", "left it, and this one changes it",
		"INSERT INTO objects SELECT * REPLACE (toInt64(0) AS offset, ver - 2 AS ver) FROM objects AS o WHERE o.object = 'location' AND o.offset = 2",
		"DELETE FROM objects WHERE object = 'location' AND offset = 2",
		"INSERT INTO object_lists SELECT * REPLACE (ver - 2 AS ver) FROM object_lists AS l WHERE l.object = 'location' AND l.ver = (SELECT max(ver) FROM object_lists WHERE object = 'location')",
		"DELETE FROM object_lists WHERE object = 'location' AND ver = (SELECT max(ver) FROM object_lists WHERE object = 'location')")
	f("whom a Session is with changed", "its token is of NL*EXW", "ALTER TABLE objects UPDATE with_party = 'XXX' WHERE object = 'session'")
	f("when a Session came to a list changed", "object_lists lacks session", "ALTER TABLE object_lists UPDATE received = received - 1 WHERE object = 'session'")
	f("a late CDR made up", "which has read no such window", "INSERT INTO late_cdrs SELECT emsp_country, emsp_party, partition, epoch, offset, now64(9) FROM cdrs LIMIT 1")
	f("what was read made up", "no list is read like this", "INSERT INTO list_reads VALUES ('NL', 'EXW', [5], [4], 9)")
	f("a body changed", "differs from the log's", "ALTER TABLE records UPDATE body = replaceOne(body, '7.00', '7.01') WHERE topic = 'cdrs' AND id = 'C-3'")
}

// doubleResult puts a result into another month as well, where FINAL does not
// meet the first.
const doubleResult = "INSERT INTO results SELECT * REPLACE (toUInt32(month + 1) AS month) FROM results AS r WHERE r.id = 'C-3'"

func TestVerifySeesAnOlderStore(t *testing.T) {
	data, s := pushed(t)
	s.stop()
	older := t.TempDir()
	copyDir(t, filepath.Join(data, "store"), older)

	tokens, key := s.tokens, s.key
	s = startTest(t, data)
	s.tokens, s.key = tokens, key
	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-8", "EXW", "T1", "7.00", "8.40"))
	s.stored(8)
	s.stop()
	if out, err := verifyAll(t, data); err != nil {
		t.Fatalf("after a second run: %v\n%s", err, out)
	}

	if err := os.RemoveAll(filepath.Join(data, "store")); err != nil {
		t.Fatal(err)
	}
	copyDir(t, older, filepath.Join(data, "store"))
	out, err := verifyAll(t, data)
	if err == nil || !strings.Contains(out, "an older copy of the store was put back") {
		t.Errorf("older store: verify says %v:\n%s", err, out)
	}

	// The log still holds what the older store lacks, so a start heals it.
	s = startTest(t, data)
	s.tokens, s.key = tokens, key
	s.stored(8)
	s.stop()
	if out, err := verifyAll(t, data); err != nil {
		t.Errorf("healed: %v\n%s", err, out)
	}
}

// What the log no longer holds is held against the checkpoint taken before it
// was trimmed, and damage to it is seen.
func TestVerifyBeyondATrimmedLog(t *testing.T) {
	data, s := pushed(t)
	const more = 2400
	padding := strings.Repeat("x", 12_000) // a log is trimmed by segments of 4 MiB
	from := ingest.Sender{ID: "gb-dun-cpo", Parties: []ocpi.Party{{Country: "GB", ID: "DUN"}}}
	var g errgroup.Group
	g.SetLimit(64)
	for i := range more {
		g.Go(func() error {
			body := strings.Replace(testCDR(fmt.Sprintf("t-%d", i), "EXW", "T1", "7.00", "8.40"), `"kept"`, `"padding":"`+padding+`","kept"`, 1)
			_, err := s.inside.intake.CDR(t.Context(), from, ocpi.V221, []byte(body))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	s.stored(7 + more)
	s.eventually("both partitions of the log are trimmed", func() bool {
		for _, p := range s.inside.backends.log.Partitions(ingest.TopicCDRs) {
			start, _, err := s.inside.backends.log.Bounds(t.Context(), p)
			if err != nil || start == 0 {
				return false
			}
		}
		return true
	})
	s.stop()
	out, err := verifyAll(t, data)
	if err != nil || strings.Contains(out, " 0 against the checkpoint") {
		t.Fatalf("trimmed: verify says %v:\n%s", err, out)
	}
	damage(t, data, "ALTER TABLE records UPDATE body = replaceOne(body, '7.00', '7.01') WHERE topic = 'cdrs' AND offset = 5 AND partition = 0")
	if out, err := verifyAll(t, data); err == nil || !strings.Contains(out, "their digest is") {
		t.Errorf("a record changed that the log no longer holds: verify says %v:\n%s", err, out)
	}
}
