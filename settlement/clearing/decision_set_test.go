package clearing

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"pgregory.net/rapid"
)

// The log keeps these bytes for ever.
func TestSetsAreFrozen(t *testing.T) {
	for want, set := range map[string][]ingest.Position{
		"0100000100":                           {{}},
		"01000003070101":                       {{Offset: 7}, {Offset: 8}, {Offset: 9}},
		"0201000180010103020005":               {{Epoch: 1, Offset: 128}, {Epoch: 1, Partition: 3, Offset: 0}, {Epoch: 1, Partition: 3, Offset: 5}},
		"01ff01ffffffff0701ffffffffffffffff7f": {{Epoch: 255, Partition: math.MaxInt32, Offset: math.MaxInt64}},
	} {
		if got := fmt.Sprintf("%x", encodeSet(set)); got != want {
			t.Errorf("%v is %s, want %s", set, got, want)
		}
	}
}

// somePositions draws a set.
func somePositions(t *rapid.T, label string) []ingest.Position {
	list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ingest.Position {
		offset := rapid.OneOf(rapid.Int64Range(0, 50), rapid.Int64Range(0, math.MaxInt64))
		return ingest.Position{Epoch: rapid.Uint8Range(0, 2).Draw(t, "epoch"), Partition: rapid.Int32Range(0, 2).Draw(t, "partition"), Offset: offset.Draw(t, "offset")}
	}), 1, 30).Draw(t, label)
	slices.SortFunc(list, comparePositions)
	return slices.Compact(list)
}

func TestSetsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := somePositions(t, "set")
		b := encodeSet(set)
		got, err := decodeSet(b, len(set))
		if diff := cmp.Diff(set, got); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
		if _, err := decodeSet(b, len(set)-1); err == nil {
			t.Fatal("a set was read that is too large")
		}
		for cut := range b {
			if _, err := decodeSet(b[:cut], len(set)); err == nil {
				t.Fatalf("%x was read of %x", b[:cut], b)
			}
		}
		other := somePositions(t, "other")
		at, ok := meet(set, other)
		if want := slices.ContainsFunc(set, func(p ingest.Position) bool { return slices.Contains(other, p) }); ok != want || ok && !(slices.Contains(set, at) && slices.Contains(other, at)) {
			t.Fatalf("%v and %v meet: %t at %v", set, other, ok, at)
		}
	})
}

// A set has one form: what is read is what would be written.
func FuzzSets(f *testing.F) {
	for _, b := range []string{"\x01\x00\x00\x01\x00", "\x01\x00\x00\x02\x07\x00", "\x02\x00\x00\x01\x07\x00\x00\x01\x08", "\x01\x00\x00\x01\x80\x00", "\x01\x00\x00\x00", "\x00"} {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		set, err := decodeSet(b, 1000)
		if err != nil {
			return
		}
		if len(set) == 0 || len(set) > 1000 || !isSet(set) || !bytes.Equal(encodeSet(set), b) {
			t.Errorf("%x was read as %v", b, set)
		}
	})
}

// Forms of the set of one record that are not its own.
func TestOtherFormsOfASetAreNone(t *testing.T) {
	for name, b := range map[string]string{
		"nothing": "", "no partition": "\x00", "an empty partition": "\x01\x00\x00\x00", "twice": "\x01\x00\x00\x02\x07\x00", "one partition twice": "\x02\x00\x00\x01\x07\x00\x00\x01\x08",
		"out of order": "\x02\x00\x01\x01\x07\x00\x00\x01\x07", "a long varint": "\x01\x00\x00\x01\x87\x00", "more behind it": "\x01\x00\x00\x01\x07\x00",
		"beyond 64 bits": "\x01\x00\x00\x02\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01", "an epoch of two bytes": "\x01\x80\x02\x00\x01\x07",
	} {
		if set, err := decodeSet([]byte(b), 10); err == nil {
			t.Errorf("%s: %v", name, set)
		}
	}
}
