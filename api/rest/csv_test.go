package rest

import (
	"bytes"
	"slices"
	"testing"
)

func TestCSVIsRFC4180(t *testing.T) {
	var b bytes.Buffer
	table := CSV{Header: []string{"a", "b"}, Rows: slices.Values([][]string{{`say "hi"`, "x,y"}})}
	if err := table.Encode(&b); err != nil {
		t.Fatal(err)
	}
	if want := "a,b\r\n\"say \"\"hi\"\"\",\"x,y\"\r\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
