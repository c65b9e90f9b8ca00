package settlement

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"pgregory.net/rapid"
)

// atConnector is a charge by its id, connector, start and end, in minutes.
func atConnector(id string, connector uint64, start, end int64) ConnectorCharge {
	const minute = 60 * ocpi.Time(ocpi.Second)
	return ConnectorCharge{Key: ocpi.NewKey("NL", "TNM", id), Connector: connector, Start: ocpi.Time(start) * minute, End: ocpi.Time(end) * minute}
}

func otherID(c ConnectorCharge, id string) ConnectorCharge {
	c.ConnectorID = id
	return c
}

func overlapping(others map[ocpi.Key]ocpi.Key) string {
	var list []string
	for k, o := range others {
		list = append(list, k.ID+" with "+o.ID)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func TestOverlaps(t *testing.T) {
	for _, c := range []struct {
		what    string
		charges []ConnectorCharge
		want    string
	}{
		{"one after the other", []ConnectorCharge{atConnector("A", 1, 10, 20), atConnector("B", 1, 20, 30)}, ""},
		{"a minute of both: one went and the other came", []ConnectorCharge{atConnector("A", 1, 10, 21), atConnector("B", 1, 20, 30)}, ""},
		{"two minutes of both", []ConnectorCharge{atConnector("A", 1, 10, 22), atConnector("B", 1, 20, 30)}, "A with B, B with A"},
		{"two minutes of both, at connectors of one hash", []ConnectorCharge{atConnector("A", 1, 10, 22), otherID(atConnector("B", 1, 20, 30), "2")}, ""},
		{"two minutes of both, at connectors of two CPOs", []ConnectorCharge{atConnector("A", 1, 10, 22), {Key: ocpi.NewKey("GB", "DUN", "B"), Connector: 1, Start: 20 * 60e9, End: 30 * 60e9}}, ""},
		{"it took a minute", []ConnectorCharge{atConnector("A", 1, 10, 22), atConnector("B", 1, 15, 16)}, ""},
		{"at another connector", []ConnectorCharge{atConnector("A", 1, 10, 25), atConnector("B", 2, 20, 30)}, ""},
		{"at one that is not known", []ConnectorCharge{atConnector("A", 0, 10, 25), atConnector("B", 0, 20, 30)}, ""},
		{"the same times", []ConnectorCharge{atConnector("B", 1, 10, 20), atConnector("A", 1, 10, 20)}, "A with B, B with A"},
		{"one within a long one, another behind it", []ConnectorCharge{atConnector("A", 1, 10, 90), atConnector("B", 1, 20, 30), atConnector("C", 1, 40, 50)}, "A with B, B with A, C with A"},
		{"one after the other within a long one", []ConnectorCharge{atConnector("A", 1, 10, 30), atConnector("B", 1, 20, 60), atConnector("C", 1, 50, 70)}, "A with B, B with A, C with B"},
		{"it took no time", []ConnectorCharge{atConnector("A", 1, 10, 30), atConnector("B", 1, 20, 20)}, ""},
		{"it ends before it starts", []ConnectorCharge{atConnector("A", 1, 10, 30), atConnector("B", 1, 25, 20)}, ""},
		{"its start is not known", []ConnectorCharge{atConnector("A", 1, 10, 30), atConnector("B", 1, 0, 20)}, ""},
		{"it lasted for a week", []ConnectorCharge{atConnector("A", 1, 10, 10+7*24*60), atConnector("B", 1, 20, 25)}, "A with B, B with A"},
		{"it is said to have lasted longer", []ConnectorCharge{atConnector("A", 1, 10, 11+7*24*60), atConnector("B", 1, 20, 25)}, ""},
		{"it is said to have lasted for ever", []ConnectorCharge{{Key: ocpi.NewKey("NL", "TNM", "A"), Connector: 1, Start: -9e18, End: 9e18}, atConnector("B", 1, 20, 25)}, ""},
	} {
		if got := overlapping(Overlaps(c.charges)); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

// Whatever charges there are, in whatever order: those are told that overlap another one,
// each of one that it overlaps; and what is said of one does not change with charges that do
// not overlap it.
func TestOverlapsAreAllThereAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var charges []ConnectorCharge
		for i := range rapid.IntRange(0, 12).Draw(t, "charges") {
			start := rapid.Int64Range(1, 40).Draw(t, "start")
			charges = append(charges, atConnector(fmt.Sprintf("C%02d", i), rapid.Uint64Range(0, 2).Draw(t, "connector"), start, start+rapid.Int64Range(-2, 15).Draw(t, "length")))
		}
		overlap := func(a, b *ConnectorCharge) bool {
			return a.Key != b.Key && a.Connector != 0 && a.Connector == b.Connector && min(a.End, b.End)-max(a.Start, b.Start) > Handover
		}
		got := Overlaps(rapid.Permutation(charges).Draw(t, "order"))
		for i := range charges {
			c := &charges[i]
			var with []ConnectorCharge
			for j := range charges {
				if overlap(c, &charges[j]) {
					with = append(with, charges[j])
				}
			}
			other, told := got[c.Key]
			if told != (len(with) > 0) || told && !slices.ContainsFunc(with, func(o ConnectorCharge) bool { return o.Key == other }) {
				t.Fatalf("%+v overlaps %v, and is told of %v (%t)", c, with, other, told)
			}
			if few := Overlaps(append(with, *c)); told && few[c.Key] != other {
				t.Fatalf("%+v is told of %v, and of %v where others are not there", c, other, few[c.Key])
			}
		}
	})
}

// The order in which charges are given is theirs who gave it.
func TestOverlapsLeavesCharges(t *testing.T) {
	charges := []ConnectorCharge{atConnector("B", 1, 20, 30), atConnector("A", 1, 10, 25)}
	before := slices.Clone(charges)
	Overlaps(charges)
	if diff := cmp.Diff(fmt.Sprint(before), fmt.Sprint(charges)); diff != "" {
		t.Error(diff)
	}
}
