package ocpi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	long := `"` + strings.Repeat("x", 2000) + `"`
	for _, tt := range []struct {
		name, first, other string
		want               []string // path: first -> other
	}{
		{"the same", `{"a":1}`, `{"a":1}`, nil},
		{"another spelling", `{"a":1.0,"b":["\u0041"],"c":10e-1}`, ` { "c":1, "b":["A"], "a":1 } `, nil},
		{"an amount", `{"total_cost":{"excl_vat":10.00,"incl_vat":12}}`, `{"total_cost":{"excl_vat":11.5,"incl_vat":12}}`, []string{"total_cost.excl_vat: 10 -> 11.5"}},
		{"a text for a number", `{"a":1}`, `{"a":"1"}`, []string{`a: 1 -> "1"`}},
		{"null is not absent", `{"a":null,"b":1}`, `{"b":1}`, []string{"a: null -> "}},
		{"a member more", `{}`, `{"a":{"b":"<&>"}}`, []string{`a:  -> {"b":"<&>"}`}},
		{"an element more", `{"a":[{"b":1}]}`, `{"a":[{"b":2},3]}`, []string{"a[0].b: 1 -> 2", "a[1]:  -> 3"}},
		{"an element less", `{"a":[1,2]}`, `{"a":[1]}`, []string{"a[1]: 2 -> "}},
		{"another kind", `{"a":[1],"b":{}}`, `{"a":{},"b":true}`, []string{"a: [1] -> {}", "b: {} -> true"}},
		{"what is long", `{"a":` + long + `}`, `{"a":1}`, []string{`a: "(2002 bytes)" -> 1`}},
		{"in order of names", `{"c":1,"a":1}`, `{"b":1,"a":2}`, []string{"a: 1 -> 2", "b:  -> 1", "c: 1 -> "}},
		{"a large number", `{"a":123456789012345678901234567890}`, `{"a":123456789012345678901234567891}`, []string{"a: 123456789012345678901234567890 -> 123456789012345678901234567891"}},
	} {
		list, more, err := Diff([]byte(tt.first), []byte(tt.other), 100)
		if err != nil || more != 0 {
			t.Errorf("%s: %d more, %v", tt.name, more, err)
		}
		var got []string
		for _, d := range list {
			got = append(got, d.Path+": "+string(d.First)+" -> "+string(d.Other))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	if list, more, err := Diff([]byte(`[1,2,3]`), []byte(`[4,5,6]`), 2); len(list) != 2 || more != 1 || err != nil {
		t.Errorf("bounded: %v, %d more, %v", list, more, err)
	}
	if _, _, err := Diff([]byte(`{`), []byte(`{}`), 2); err == nil {
		t.Error("what is no JSON has a difference")
	}
}
