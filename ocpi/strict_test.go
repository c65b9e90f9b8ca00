package ocpi

import "testing"

func TestDecodeStrict(t *testing.T) {
	for text, want := range map[string]bool{
		`{"a":1}`: true, ` {"a":1} `: true, `{}`: true,
		`{"a":1,"b":2}`: false, `{"a":"1"}`: false, `{"a":1}{}`: false, `{"a":1}]`: false, `{`: false, ``: false,
	} {
		var v struct {
			A int `json:"a"`
		}
		if err := DecodeStrict([]byte(text), &v); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
