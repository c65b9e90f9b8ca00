package ocpi

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

func readTestdata(tb testing.TB, name string) []byte {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// compareGolden compares got, as JSON, with a file in testdata.
func compareGolden(t *testing.T, name string, got any) {
	t.Helper()
	checkGolden(t, name, string(marshalGolden(t, got)))
}

func checkGolden(t *testing.T, name, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(readTestdata(t, name)), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

var cdrVectors = []struct {
	file string
	v    Version
}{
	{"cdr_211.json", V211},
	{"simple1_221.json", V221},
	{"complex10_221.json", V221},
	{"cdr_230.json", V230},
}

func TestDecodeCDRVectors(t *testing.T) {
	var d Decoder
	for _, tt := range cdrVectors {
		t.Run(tt.file, func(t *testing.T) {
			c, err := d.CDR(tt.v, readTestdata(t, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, strings.TrimSuffix(tt.file, ".json")+".golden", c)
		})
	}
}
