package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// b07b91f is what the binary of that commit said of the data directory that
// it left: testdata/b07b91f.sh has made both. Of the five CDRs of January that it
// corrected once the month was closed, and of their report, it is what came of it with
// 0029: then corrections became results.
type b07b91f struct {
	Key, Restricted string         // API keys: of everything, of US*BOU
	Tokens, Ended   []string       // OCPI tokens that work, and that do not
	Closed          []string       // months
	Answers         map[string]any // to the finance key, by path below /api/v1/
}

// TestADataDirectoryOfB07b91fOpensAndVerifies: who upgrades finds everything
// as it was, but for corrections: figures, decisions, keys and the proof.
func TestADataDirectoryOfB07b91fOpensAndVerifies(t *testing.T) {
	data := t.TempDir()
	unpack(t, "testdata/b07b91f.tar.gz", data)
	if out, err := verifyAll(t, data); err != nil || !strings.Contains(out, "verified") {
		t.Errorf("verify before the first start: %v\n%s", err, out)
	}
	content, err := os.ReadFile("testdata/b07b91f.json")
	if err != nil {
		t.Fatal(err)
	}
	var want b07b91f
	if err := json.Unmarshal(content, &want); err != nil {
		t.Fatal(err)
	}
	s := startTest(t, data)
	s.key = want.Key
	for path, answer := range want.Answers {
		var got any
		s.finance("/"+path, &got)
		inOneOrder(answer)
		inOneOrder(got)
		if diff := cmp.Diff(answer, known(answer, got)); diff != "" {
			t.Errorf("%s (-as it was +as it is):\n%s", path, diff)
		}
	}
	decided(s, &want)
	verified(t, data)
	s.stop()
	if out, err := verifyAll(t, data); err != nil || !strings.Contains(out, "verified") {
		t.Errorf("verify after the stop: %v\n%s", err, out)
	}
}

// decided wants the control log to say what it said: keys, tokens, months.
func decided(s *testService, want *b07b91f) {
	s.t.Helper()
	status := func(authorization, path string) int { return s.request(http.MethodGet, path, authorization, "").status }
	const cdr = "/api/v1/cdrs/GB/DUN/first-version"
	if got := status("Bearer "+want.Restricted, cdr); got != http.StatusNotFound {
		s.t.Errorf("the key of US*BOU reads a CDR of GB*DUN: HTTP %d, want 404", got)
	}
	for _, token := range want.Tokens {
		if got := status("Token "+token, "/ocpi/2.2.1"); got != http.StatusOK {
			s.t.Errorf("%s: HTTP %d, want 200", token, got)
		}
	}
	for _, token := range want.Ended {
		if got := status("Token "+token, "/ocpi/2.2.1"); got != http.StatusUnauthorized {
			s.t.Errorf("%s: HTTP %d, want 401", token, got)
		}
	}
	out, err := run(s.t, newPeriodCmd(), "list", "--data", s.data)
	closed := "CLOSED FOR STATEMENTS LINES ISSUED BY"
	for _, month := range want.Closed {
		closed += " " + month + " elsewhere"
	}
	if out = strings.Join(strings.Fields(out), " "); err != nil || out != closed {
		s.t.Errorf("closed months: %v, %q, want %q", err, out, closed)
	}
}

// inOneOrder sorts lists of CDRs by their ids, as those of then were: they are in the
// order in which CDRs came since.
func inOneOrder(answer any) {
	of, ok := answer.(map[string]any)
	if !ok {
		return
	}
	for _, name := range []string{"cdrs", "rejects"} {
		if cdrs, ok := of[name].([]any); ok {
			slices.SortFunc(cdrs, func(a, b any) int {
				return strings.Compare(fmt.Sprint(a.(map[string]any)["id"]), fmt.Sprint(b.(map[string]any)["id"]))
			})
		}
	}
}

// renamed are the members that have another name since.
var renamed = map[string]string{"first": "counts"} // of a conflict: the first copy counts where nobody decided

// known leaves out the members of an answer that came after the golden.
func known(golden, got any) any {
	switch g := golden.(type) {
	case map[string]any:
		of, ok := got.(map[string]any)
		if !ok {
			return got
		}
		kept := map[string]any{}
		for name := range g {
			now := name
			if as, ok := renamed[name]; ok {
				now = as
			}
			if v, ok := of[now]; ok {
				kept[name] = known(g[name], v)
			}
		}
		return kept
	case []any:
		of, ok := got.([]any)
		if !ok || len(of) != len(g) {
			return got
		}
		kept := make([]any, len(of))
		for i := range of {
			kept[i] = known(g[i], of[i])
		}
		return kept
	}
	return got
}

// unpack extracts a .tar.gz of directories and files.
func unpack(t *testing.T, archive, into string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = extract(h, r, filepath.Join(into, h.Name))
		}
		if err != nil {
			t.Fatalf("%s: %v", archive, err)
		}
	}
}

func extract(h *tar.Header, content io.Reader, path string) error {
	switch h.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(path, 0o700)
	case tar.TypeSymlink:
		return os.Symlink(h.Linkname, path)
	}
	b, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, h.FileInfo().Mode().Perm())
}
