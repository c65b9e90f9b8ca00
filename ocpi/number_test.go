package ocpi

import (
	"errors"
	"testing"
)

// numberSeeds are inputs at the bounds; the oracle says what each must be.
var numberSeeds = []string{
	"", "-", "0", "-0", "00", "01", "1", "1.", ".5", "1.0", "1.50", "-12.340", "1e", "1e+", "1e3", "1E-3", "1.5e1", "1.50e1",
	"0.000000000001", "0.0000000000001", "0.0000000000010", "0e999999999999999999999", "1e-12", "1e-13", "10e-13", "1e17", "1e18",
	"999999999999999999", "1000000000000000000", "-999999999999999999", "123456789012345678.0", "123456789012345678.00000000000000",
	"12345678901234567.80", "99999999999999999.95", "0.0000000000000000", "1000000000000000000000e-10", "18446744073709551616",
	"100000000000000000000000000e-26", "1e99999999999999999999999999", "1e-99999999999999999999999999", "NaN", "Infinity", "+1", "0x10", "1_0", " 1", "1 ",
}

func TestParseNumber(t *testing.T) {
	tests := []struct {
		in   string
		want string
		err  error
	}{
		{in: "0.50", want: "0.50"},
		{in: "1.50e1", want: "15.0"},
		{in: "1e-3", want: "0.001"},
		{in: "25e2", want: "2500"},
		{in: "-0", want: "0"},
		{in: "999999999999999999", want: "999999999999999999"},
		{in: "123456789012345678.00", want: "123456789012345678"},
		{in: "12345678901234567.800", want: "12345678901234567.8"},
		{in: "0.1234567890120000", want: "0.123456789012"},
		{in: "1000000000000000000", err: ErrNumberRange},
		{in: "0.1234567890123", err: ErrNumberRange},
		{in: "1e18", err: ErrNumberRange},
		{in: "01", err: ErrNumberSyntax},
		{in: "1.", err: ErrNumberSyntax},
		{in: "1e", err: ErrNumberSyntax},
		{in: "1 ", err: ErrNumberSyntax},
		{in: "", err: ErrNumberSyntax},
	}
	for _, tt := range tests {
		n, err := ParseNumber(tt.in)
		if n.String() != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%q: got %q, %v, want %q, %v", tt.in, n, err, tt.want, tt.err)
		}
	}
}

func TestNumberShortest(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "0.000": "0", "10": "10", "10.0": "10", "0.50": "0.5", "-0.50": "-0.5", "100.010": "100.01", "0.000000000001": "0.000000000001", "1e2": "100", "": "",
	} {
		var n Number
		if in != "" {
			n = MustNumber(in)
		}
		if got := n.Shortest(); got.String() != want || got.IsSet() != n.IsSet() || got.Cmp(n) != 0 {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestNumberAdd(t *testing.T) {
	tests := []struct{ a, b, want string }{
		{"4.00", "0.4", "4.40"},
		{"-1", "1.00", "0.00"},
		{"999999999999999999", "0.00", "999999999999999999"},
		{"999999999999999999", "1", ""},
		{"100000000000000000", "0.1", ""},
		{"99999999999999999.5", "0.50", "100000000000000000"},
	}
	for _, tt := range tests {
		got, ok := MustNumber(tt.a).Add(MustNumber(tt.b))
		if got.String() != tt.want || ok != (tt.want != "") {
			t.Errorf("%s + %s: got %q, %t, want %q", tt.a, tt.b, got, ok, tt.want)
		}
	}
}
