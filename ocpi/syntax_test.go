package ocpi

import (
	"errors"
	"strings"
	"testing"
)

// notJSON returns bodies that no decoder may take.
func notJSON() []string {
	return []string{
		"", " ", "{", "}", "[", `"`, `"a`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `{"a":1 "b":2}`, `{a:1}`, `{'a':1}`,
		"[1,]", "[,1]", "[1 2]", "{}{}", "{} x", "nul", "nulll", "tru", "True", "NaN", "Infinity", "-", "01", "1.", "1e", "+1", ".5", "0x1",
		"\xef\xbb\xbf{}", "{\"a\":\"\xff\"}", "{\"\xc0\x80\":1}", "\"\xed\xa0\x80\"",
		`"\ud800"`, `"\udc00"`, `"\ud800\ud800"`, `"\ud800x"`, `"\u12"`, `"\u12g4"`, `"\x41"`, `"\`, "\"a\nb\"", "\"a\x00b\"", "\"aaaaaaaaaaaa\tb\"",
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"x":{"a":1,"b":2,"a":3}}`, `[{"":1,"":2}]`, `{"a":null,"a":1}`,
		strings.TrimSuffix(manyMembers(100, false), "}") + `,"kaa":2}`,
		strings.Repeat("[", 33) + strings.Repeat("]", 33),
		strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33),
		`{"id":1,/**/"b":2}`,
	}
}

func TestNotJSON(t *testing.T) {
	var d Decoder
	for _, in := range notJSON() {
		if _, err := parseTree([]byte(in)); err == nil {
			t.Errorf("%.60q: the oracle takes it", in)
		}
		_, err := d.CDR(V221, []byte(in))
		if _, ok := errors.AsType[*SyntaxError](err); !ok {
			t.Errorf("%.60q: got %v, want a *SyntaxError", in, err)
		}
		// The same within a member that nobody reads.
		if strings.TrimSpace(in) == "" || strings.HasPrefix(in, "}") {
			continue
		}
		_, err = d.Token(V221, []byte(`{"unknown":`+in+`}`))
		if _, ok := errors.AsType[*SyntaxError](err); !ok {
			t.Errorf("%.60q in an unknown member: got %v, want a *SyntaxError", in, err)
		}
	}
}

func TestSyntaxErrorOffset(t *testing.T) {
	tests := []struct {
		in     string
		offset int
		reason string
	}{
		{`{"a":1,"a":2}`, 7, `duplicate member name "a"`},
		{`{"a":1} x`, 8, "something follows the value"},
		{`{"a" 1}`, 5, `'1' where a colon is due`},
		{"{\"a\":\"\xff\"}", 6, "invalid UTF-8"},
		{`{"a":"\q"}`, 6, "an escape that stands for no character"},
		{`{"a":[1`, 7, "the text ends where a comma or closing bracket is due"},
	}
	for _, tt := range tests {
		var d Decoder
		_, err := d.Tariff(V221, []byte(tt.in))
		got, ok := errors.AsType[*SyntaxError](err)
		if !ok || got.Offset != tt.offset || got.Reason != tt.reason {
			t.Errorf("%s: got %v, want offset %d: %s", tt.in, err, tt.offset, tt.reason)
		}
	}
}

func TestDepthAtTheLimit(t *testing.T) {
	in := `{"x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`
	var d Decoder
	if _, err := d.CanonicalHash([]byte(in)); err != nil {
		t.Error(err)
	}
}
