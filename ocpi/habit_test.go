package ocpi

import "testing"

func TestNullMembers(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":null}`: "a", `{"a":1,"b" : null}`: "b", `{"a":{"b":[{"c":null}]}}`: "c", `{"a\"":null}`: `a\"`,
		`{"a":"null"}`: "", `{"a":"x: null"}`: "", `{"null":1}`: "", `{"a":[null]}`: "", `{"a":"\\","b":[1,null],"c":"null"}`: "", `{"a":1}`: "", ``: "", `{"a":"nul`: "", `{"null`: "",
	} {
		if got, ok := NullMember([]byte(text)); got != want || ok != (want != "") {
			t.Errorf("%s: %q (%t), want %q", text, got, ok, want)
		}
	}
}

func TestFractionalTimes(t *testing.T) {
	for text, want := range map[string]string{
		`{"t":"2019-01-01T10:11:12.345Z"}`: "10:11:12.345", `{"n":1.5,"t":"2019-01-01T10:11:12.3"}`: "10:11:12.3",
		`{"t":"2019-01-01T10:11:12Z","n":1.5}`: "", `{"t":"10:11:12."}`: "", `1.5`: "", `:11:12.3`: "", ``: "", `.`: "",
	} {
		if got, ok := FractionalTime([]byte(text)); got != want || ok != (want != "") {
			t.Errorf("%s: %q (%t), want %q", text, got, ok, want)
		}
	}
}
