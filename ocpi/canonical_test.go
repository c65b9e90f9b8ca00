package ocpi

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func TestAppendCanonical(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"white space", " { \"b\" : [ 1 , 2 ] , \"a\" : { } }\n", `{"a":{},"b":[1,2]}`},
		{"order of bytes, not of letters", `{"é":1,"z":2,"Z":3,"":4}`, `{"":4,"Z":3,"z":2,"é":1}`},
		{"long names that differ late", `{"total_parking_time":1,"total_parking_cost":2,"total_par":3}`, `{"total_par":3,"total_parking_cost":2,"total_parking_time":1}`},
		{"names by what they stand for", `{"\u0062":1,"a":2}`, `{"a":2,"b":1}`},
		{"nested objects", `{"b":{"d":1,"c":[{"y":1,"x":2}]},"a":null}`, `{"a":null,"b":{"c":[{"x":2,"y":1}],"d":1}}`},
		{"escapes", `"\u0041\/\u00e9\ud83d\ude00\u001f\n\"\\"`, `"A/é😀\u001f\n\"\\"`},
		{"quoted numbers stay strings", `["1.0",1.0]`, `["1.0",1]`},
		{"literals", `[true,false,null]`, `[true,false,null]`},
		{"many members", manyMembers(100, true), manyMembers(100, false)},
	}
	var d Decoder
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := d.AppendCanonical([]byte("kept"), []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != "kept"+tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			again, err := d.AppendCanonical(nil, []byte(tt.want))
			if err != nil || string(again) != tt.want {
				t.Errorf("canonical form of itself: %s, %v", again, err)
			}
		})
	}
}

// manyMembers writes an object whose names are in order or the other way round.
func manyMembers(n int, reverse bool) string {
	parts := make([]string, n)
	for i := range parts {
		j := i
		if reverse {
			j = n - 1 - i
		}
		parts[i] = `"k` + string([]byte{byte('a' + j/26), byte('a' + j%26)}) + `":1`
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestCanonicalNumbers(t *testing.T) {
	tests := []struct{ in, want string }{
		{"0", "0"},
		{"-0", "0"},
		{"-0.000e99", "0"},
		{"1.0", "1"},
		{"10e-1", "1"},
		{"100", "100"},
		{"1E+2", "100"},
		{"1.50", "1.5"},
		{"-12.340", "-12.34"},
		{"0.1", "0.1"},
		{"1e-1", "0.1"},
		{"1e-0000000000000000000000000000001", "0.1"},
		{"1e0000000000000000000000000000000", "1"},
		{"1e40", "1" + strings.Repeat("0", 40)},
		{"1e41", "1e41"},
		{"10e40", "1e41"},
		{"1" + strings.Repeat("0", 41), "1e41"},
		{"25e-40", "0." + strings.Repeat("0", 38) + "25"},
		{"25e-41", "25e-41"},
		{"0." + strings.Repeat("0", 39) + "25", "25e-41"},
		{"1.5e999999999999999999999999", "15e999999999999999999999998"},
		{"1.5e-999999999999999999999999", "15e-1000000000000000000000000"},
		{strings.Repeat("7", 60) + ".0", strings.Repeat("7", 60)},
	}
	for _, tt := range tests {
		if got := string(appendCanonicalNumber(nil, tt.in)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestCanonicalHashRefuses(t *testing.T) {
	var d Decoder
	for _, in := range append(notJSON(), `{"a":1,"b":2,"a":3}`, `{"a":{"x":1,"\u0078":2}}`, `{"c":1,"b":2,"c":3}`) {
		_, err := d.CanonicalHash([]byte(in))
		if _, ok := errors.AsType[*SyntaxError](err); !ok {
			t.Errorf("%.60q: got %v, want a *SyntaxError", in, err)
		}
	}
}

// TestCanonicalHashIsFrozen holds the algorithm to its name: a change here
// needs a new CanonicalHashName.
func TestCanonicalHashIsFrozen(t *testing.T) {
	var d Decoder
	got, err := d.CanonicalHash(readTestdata(t, "complex10_221.json"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "cd1580765e65058e0a8011459d0a6571d885a9b5d1e994f5238a820ec5b4ced1"
	if hex.EncodeToString(got[:]) != want {
		t.Errorf("%s: got %x, want %s", CanonicalHashName, got, want)
	}
}

func TestCanonicalHashKeepsDecodedValid(t *testing.T) {
	var d Decoder
	raw := []byte(`{"uid":"a\u0062c","type":"RFID","auth_id":"x","issuer":"i","valid":true,"whitelist":"NEVER","last_updated":"2020-01-01T00:00:00Z"}`)
	token, err := d.Token(V211, raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.CanonicalHash([]byte(`{"\u0078yz":"\u0078yz"}`)); err != nil {
		t.Fatal(err)
	}
	if token.UID != "abc" {
		t.Errorf("uid became %q", token.UID)
	}
}

func FuzzCanonicalHash(f *testing.F) {
	for _, s := range []string{"1", "-0.0", "1e3", "12.50E-2", "0.000001e-30", `{"a":[1,{"b":"\u00e9"}]}`, `{"b":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var d Decoder
		got, err := d.AppendCanonical(nil, raw)
		tree, oracleErr := parseTree(raw)
		if (err == nil) != (oracleErr == nil) {
			t.Fatalf("canonical: %v, oracle: %v", err, oracleErr)
		}
		if err != nil {
			return
		}
		again, err := parseTree(got)
		if err != nil {
			t.Fatalf("canonical form is not JSON: %v: %s", err, got)
		}
		if !sameTree(tree, again) {
			t.Fatalf("canonical form is another value: %s", got)
		}
		if want := canonicalTree(tree); want != string(got) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}
