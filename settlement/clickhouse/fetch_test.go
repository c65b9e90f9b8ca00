package clickhouse

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
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

// An engine that was installed with the program is used as it is: nothing is asked of npm
// or of the user's cache, which a service of a package has none of.
func TestEngineInstalledWithTheProgram(t *testing.T) {
	fakeNPM(t, "echo asked >&2; exit 1")
	t.Setenv("XDG_CACHE_HOME", "/dev/null/no-cache")
	prefix := t.TempDir()
	exe := filepath.Join(prefix, "bin", "roamclear")
	if path, err := fetchEngine(t.Context(), exe, io.Discard); err == nil || !strings.Contains(err.Error(), "cache") {
		t.Errorf("none is installed: %q, %v; want the cache to be looked at", path, err)
	}
	want := filepath.Join(prefix, "lib", "roamclear", "engine", EngineVersion, "libchdb.so")
	if err := os.MkdirAll(filepath.Dir(want), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(want, nil, 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(want), 0o555); err != nil { // as on a read-only file system
		t.Fatal(err)
	}
	if path, err := fetchEngine(t.Context(), exe, io.Discard); path != want || err != nil {
		t.Errorf("installed: %q, %v; want %q", path, err, want)
	}
	if found, err := filepath.Glob(filepath.Join(filepath.Dir(want), "*")); len(found) != 1 || err != nil {
		t.Errorf("beside the engine: %q, %v", found, err)
	}
}
