package ocpi

import (
	"errors"
	"testing"
)

// What is misspelt, given twice or too much is an error that names the member.
func TestDecodeStrict(t *testing.T) {
	for text, want := range map[string]string{ // the member at fault, "ok" for none, "-" where the text is not JSON
		`{"a":1}`: "ok", ` {"a":1} `: "ok", `{}`: "ok", `{"list":[{"m":"2019-01"}]}`: "ok",
		`{"a":1,"b":2}`:                 "b",
		`{"A":1}`:                       "A",
		`{"a":1,"a":2}`:                 "-",
		`{"a":"1"}`:                     "a",
		`{"a":300}`:                     "a",
		`{"list":[{},{"x":1}]}`:         "list.1.x",
		`{"list":[{"m":"x"}]}`:          "list.0.m",
		`[]`:                            "",
		"{\"list\":[{\"s\":\"\xff\"}]}": "-",
		`{"a":1}{}`:                     "-", `{"a":1}]`: "-", `{`: "-", ``: "-",
	} {
		var v struct {
			A    int8 `json:"a"`
			List []struct {
				M Month  `json:"m"`
				S string `json:"s"`
			} `json:"list"`
		}
		got, err := "ok", DecodeStrict([]byte(text), &v)
		if wrong, ok := errors.AsType[*MemberError](err); ok {
			got = wrong.Path
			if wrong.UnknownMember() != (wrong.Reason == "no such member") {
				t.Errorf("%s: %v", text, wrong)
			}
		} else if err != nil {
			got = "-"
		}
		if got != want {
			t.Errorf("%s: the fault is at %q (%v), want %q", text, got, err, want)
		}
	}
}
