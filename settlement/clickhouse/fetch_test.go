package clickhouse

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCheckLibrary(t *testing.T) {
	path := filepath.Join(t.TempDir(), engineLibrary)
	sum := func(content string) string {
		h := sha256.Sum256([]byte(content))
		return hex.EncodeToString(h[:])
	}
	if err := checkLibrary(path, sum("good")); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
	put := func(content string, at time.Time) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Unix(1e9, 0)
	put("good", at)
	if err := checkLibrary(path, sum("good")); err != nil {
		t.Fatal(err)
	}
	// The stamp spares the hashing: the same size and time are taken at its word.
	put("evil", at)
	if err := checkLibrary(path, sum("good")); err != nil {
		t.Errorf("stamped: %v", err)
	}
	put("evil", at.Add(time.Second))
	if err := checkLibrary(path, sum("good")); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("changed after the stamp: %v", err)
	}
	put("good", at)
	if err := checkLibrary(path, sum("better")); err == nil {
		t.Error("a stamp for one sum was taken for another")
	}
}

// fakeNPM puts a program named npm first on the PATH.
func fakeNPM(t *testing.T, script string) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "npm"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestFetchEngineFailsClearly(t *testing.T) {
	for name, tc := range map[string]struct{ script, want string }{
		"npm fails":           {"echo no network >&2; exit 1", "no network"},
		"a package without":   {"exit 0", "holds no " + engineLibrary},
		"another library":     {`mkdir -p "$3/node_modules/x"; echo evil >"$3/node_modules/x/` + engineLibrary + `"`, "SHA-256"},
		"npm is asked to pin": {`case "$*" in *"` + enginePackage + `"*) exit 0;; esac; exit 1`, "holds no"},
	} {
		t.Run(name, func(t *testing.T) {
			fakeNPM(t, tc.script)
			cache := t.TempDir()
			t.Setenv("XDG_CACHE_HOME", cache)
			var progress bytes.Buffer
			path, err := FetchEngine(t.Context(), &progress)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s, %v; want %q", path, err, tc.want)
			}
			if !strings.Contains(progress.String(), "fetching the ClickHouse engine") {
				t.Errorf("progress %q", progress.String())
			}
			left, _ := filepath.Glob(filepath.Join(cache, "roamclear", "engine", EngineVersion, "npm-*"))
			if len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestFetchEngineTakesTheCachedOne(t *testing.T) {
	fakeNPM(t, "exit 1")
	var progress bytes.Buffer
	path, err := FetchEngine(t.Context(), &progress)
	if err != nil || path != engine.opts.Library || progress.Len() > 0 {
		t.Errorf("%s, %v, progress %q", path, err, progress.String())
	}
}
