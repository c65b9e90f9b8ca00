package settlement

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
)

func receiptsIn(t testing.TB, file string) (list []Receipt) {
	t.Helper()
	if err := ReadReceipts(strings.NewReader(file), func(_ int, r *Receipt) error {
		list = append(list, *r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// The example that partners are given is right: its file gives the lines that its shell
// commands are given, and these its digest, byte for byte.
func TestReceiptExampleOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../docs/receipts.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string) string {
		_, rest, begins := strings.Cut(string(text), "```"+kind+"\n")
		block, _, ends := strings.Cut(rest, "```\n")
		if !begins || !ends {
			t.Fatalf("there is no block of %s", kind)
		}
		return block
	}
	shell := func(script string) string {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", script).Output()
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		return string(out)
	}
	day, days := ocpi.TimeOf(must(ocpi.ParseMonth("2019-06")).Start()), ReceiptDays{}
	receipts := receiptsIn(t, block("csv"))
	slices.SortFunc(receipts, func(a, b Receipt) int { return strings.Compare(a.ID, b.ID) })
	var lines []byte
	for _, r := range receipts {
		lines = r.AppendLine(lines)
		days.Add(&BookedReceipt{Receipt: r, Booked: day})
	}
	script := block("sh")
	if sorted := shell(strings.Replace(script, "| sha256sum", "", 1)); sorted != string(lines) {
		t.Errorf("the example's lines are\n%s, the file's\n%s", sorted, lines)
	}
	printed := shell(script)
	if !strings.Contains(string(text), "\n    "+printed) {
		t.Errorf("the documentation does not say what its commands print: %s", printed)
	}
	got := days.Days()
	if sum := sha256.Sum256(lines); len(got) != 1 || got[0].Count != 4 || got[0].Digest != sum || hex.EncodeToString(sum[:])+"  -\n" != printed {
		t.Errorf("%d days, %x, want %s", len(got), sum, printed)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestReceiptLines(t *testing.T) {
	at := func(s string) ocpi.Time {
		at, _, err := ocpi.ParseTime(s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, c := range []struct {
		receipt Receipt
		want    string
	}{
		{Receipt{"A", at("2019-06-01T12:00:00Z"), "EUR", ocpi.MustNumber("10.00"), ocpi.MustNumber("12.345")}, "A\t2019-06-01T12:00:00Z\tEUR\t10\t12.345\n"},
		{Receipt{"A", at("2019-06-01T00:00:00.999999999+02:00"), "EUR", ocpi.MustNumber("100"), ocpi.MustNumber("0.0")}, "A\t2019-05-31T22:00:00Z\tEUR\t100\t0\n"},
		{Receipt{"A", at("1999-12-31T23:59:59.5Z"), "JPY", ocpi.MustNumber("-0.50"), ocpi.MustNumber("0.000000000001")}, "A\t1999-12-31T23:59:59Z\tJPY\t-0.5\t0.000000000001\n"},
		{Receipt{ID: "A B"}, "A B\t\t\t\t\n"},
	} {
		if got := string(c.receipt.AppendLine(nil)); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Days have the digest of their own lines.
func TestReceiptDays(t *testing.T) {
	var days ReceiptDays
	want := map[string]string{}
	for _, one := range []struct{ day, id string }{{"2019-06-01T00:00:00Z", "A"}, {"2019-06-01T23:59:59.9Z", "B"}, {"2019-06-03T12:00:00Z", "A1"}} {
		at := must2(ocpi.ParseTime(one.day))
		r := BookedReceipt{Receipt: Receipt{ID: one.id, End: at}, Booked: at}
		want[one.day[:10]] += string(r.AppendLine(nil))
		days.Add(&r)
	}
	var got []string
	for _, d := range days.Days() {
		got = append(got, fmt.Sprintf("%s %d %x", d.Day.Format("2006-01-02"), d.Count, d.Digest))
	}
	expect := []string{fmt.Sprintf("2019-06-01 2 %x", sha256.Sum256([]byte(want["2019-06-01"]))), fmt.Sprintf("2019-06-03 1 %x", sha256.Sum256([]byte(want["2019-06-03"])))}
	if diff := cmp.Diff(expect, got); diff != "" {
		t.Error(diff)
	}
	if none := (&ReceiptDays{}).Days(); len(none) != 0 {
		t.Errorf("of nothing there are %v", none)
	}
}

func must2[T, U any](v T, _ U, err error) T { return must(v, err) }

// A file is read in either form, and what cannot be read is said with line and field.
func TestReadReceipts(t *testing.T) {
	const header = "id,end,currency,total_excl,energy\n"
	const one = "A|2019-06-01T12:00:00Z|EUR|1.5|3"
	for _, c := range []struct{ name, file, want string }{
		{"csv", header + "a,2019-06-01T14:00:00+02:00,eur,1.50,3.0\n", one},
		{"no line feed at the end, empty lines, carriage returns", header + "\r\na,2019-06-01T12:00:00Z,EUR,1.5,3\r\n\r\nb,,,,", one + " B||||"},
		{"a mark of UTF-8, columns in another order, quotes", "\xef\xbb\xbfenergy,id,currency,end,total_excl\n3,\"a\",EUR,2019-06-01T12:00:00Z,\"1.5\"\n", one},
		{"jsonl", `{"id":"a","end":"2019-06-01T12:00:00.4Z","currency":"EUR","total_excl":1.50,"energy":"3"}` + "\n" + `{"id":"b","end":null}`, one + " B||||"},
		{"a header alone", header, ""},
		{"more digits than a float has", header + "a,,,100000.000000000001,\n", "A|||100000.000000000001|"},
		{"nothing", "", "line 1: the file is empty: want a header, id,end,currency,total_excl,energy, or a JSON object a line"},
		{"another header", "id;end\n", "line 1: id;end: no such column; known are id, end, currency, total_excl, energy"},
		{"a column too many", "id,end,currency,total_excl,energy,total_incl\n", "line 1: total_incl: no such column; known are id, end, currency, total_excl, energy"},
		{"a column that lacks", "id,end,currency,total_excl\n", "line 1: energy: the header has no such column"},
		{"a column twice", "id,end,currency,id\n", "line 1: id: given twice"},
		{"a cell too many", header + "a,,,,\nb,,,,,\n", "line 3: 6 cells, the header has 5"},
		{"a decimal comma", header + "a,,EUR,\"1,50\",\n", `line 2: total_excl: "1,50" is not a decimal such as 20.5, of at most 18 digits`},
		{"too many digits", header + "a,,EUR,,1234567890123456789\n", `line 2: energy: "1234567890123456789" is not a decimal such as 20.5, of at most 18 digits`},
		{"a day alone", header + "a,01.06.2019,,,\n", `line 2: end: "01.06.2019" is not an instant such as 2019-06-01T12:00:00Z`},
		{"no id", header + ",,,,\n", "line 2: id: want the id of a CDR, 1 to 255 characters"},
		{"no currency", header + "a,,Euro,,\n", `line 2: currency: "Euro" is not a currency code such as EUR`},
		{"a quote that does not end", header + "a,\"b,,,\n", `line 2: extraneous or missing " in quoted-field`},
		{"another member", `{"id":"a","total":1}`, "line 1: total: no such member; known are id, end, currency, total_excl, energy"},
		{"another type", `{"id":"a"}` + "\n" + `{"id":7}`, "line 2: id: has the wrong type or is too large"},
		{"a number that is none", `{"id":"a","energy":true}`, `line 1: energy: "true" is not a decimal such as 20.5, of at most 18 digits`},
		{"half an object", `{"id":"a"}` + "\n" + `{"id":"b"`, "line 2: not a JSON object: unexpected EOF after offset 9"},
		{"a line too long", header + strings.Repeat("a", 70_000) + ",,,,\n", "line 2: longer than 65536 bytes"},
	} {
		var got []string
		err := ReadReceipts(strings.NewReader(c.file), func(_ int, r *Receipt) error {
			texts := r.Texts()
			got = append(got, strings.Join(texts[:], "|"))
			return nil
		})
		said := strings.Join(got, " ")
		if wrong, ok := errors.AsType[*ReceiptFileError](err); ok {
			said = wrong.Error()
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if said != c.want {
			t.Errorf("%s: %s, want %s", c.name, said, c.want)
		}
	}
	stop := errors.New("stop")
	if err := ReadReceipts(strings.NewReader(header+"a,,,,\n"), func(int, *Receipt) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of who reads is lost: %v", err)
	}
}

// heldReceipts reads receipts from "id total" texts, in order; ours have no lines.
func heldReceipts(ours bool, texts ...string) iter.Seq2[*HeldReceipt, error] {
	return func(yield func(*HeldReceipt, error) bool) {
		for i, text := range texts {
			if text == "broken" {
				yield(nil, errors.New(text))
				return
			}
			id, total, _ := strings.Cut(text, " ")
			r := &HeldReceipt{ReceiptTexts: ReceiptTexts{id, "", "", total, ""}}
			if !ours {
				r.Line = i + 2
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestCompareReceipts(t *testing.T) {
	for _, c := range []struct {
		name         string
		ours, theirs []string
		want         string
	}{
		{"nothing", nil, nil, ""},
		{"the same", []string{"A 1", "B 2"}, []string{"A 1", "B 2"}, "A same, B same"},
		{"missing", []string{"B 2"}, []string{"A 1", "B 2", "C 3"}, "A missing 2, B same, C missing 4"},
		{"extra", []string{"A 1", "B 2", "C 3"}, []string{"B 2"}, "A extra, B same, C extra"},
		{"all missing", nil, []string{"A 1", "B 2"}, "A missing 2, B missing 3"},
		{"all extra", []string{"A 1", "B 2"}, nil, "A extra, B extra"},
		{"different", []string{"A 1", "B 2"}, []string{"A 1", "B "}, "A same, B differs 3 total_excl 2/"},
		{"twice in the file", []string{"A 1", "B 2"}, []string{"A 1", "A 1", "A 9", "B 2", "B 2"}, "A same, A repeated 3 of 2, A repeated 4 of 2, B same, B repeated 6 of 5"},
		{"twice and missing", []string{"B 2"}, []string{"A 1", "A 1"}, "A missing 2, A repeated 3 of 2, B extra"},
		{"ours cannot be read", []string{"A 1", "broken"}, []string{"A 1"}, "A same: broken"},
		{"theirs cannot be read", []string{"A 1"}, []string{"A 1", "broken"}, "A same: broken"},
	} {
		var got []string
		err := CompareReceipts(heldReceipts(true, c.ours...), heldReceipts(false, c.theirs...), func(p *ReceiptPair) error {
			said := p.ID() + " " + string(p.Kind())
			if p.Kind() == ReceiptSame {
				said += "same"
			} else if p.Theirs != nil {
				said += fmt.Sprint(" ", p.Theirs.Line)
			}
			if p.Twice != 0 {
				said += fmt.Sprint(" of ", p.Twice)
			}
			for _, f := range p.Fields() {
				said += " " + f.Name + " " + f.Ours + "/" + f.Theirs
			}
			got = append(got, said)
			return nil
		})
		said := strings.Join(got, ", ")
		if err != nil {
			said += ": " + err.Error()
		}
		if said != c.want {
			t.Errorf("%s: %s, want %s", c.name, said, c.want)
		}
	}
}
