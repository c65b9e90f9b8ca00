package clickhouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// The embedded engine: ClickHouse 26.7 as a shared library. The npm package is
// pinned because the dist-tag "latest" is older, and PyPI's build cannot be
// loaded from Go.
const (
	EngineVersion = "26.7.3-stable.1"
	enginePackage = "@chdb/lib-linux-x64-gnu@" + EngineVersion
	engineSHA256  = "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5"
	engineLibrary = "libchdb.so"
	glibcLoader   = "/lib64/ld-linux-x86-64.so.2"
)

// ErrNoEngine says that the embedded engine cannot run on this machine.
var ErrNoEngine = errors.New("the embedded ClickHouse runs on Linux x86-64 with glibc only: set clickhouse.addr to a ClickHouse server")

// EnginePath returns where FetchEngine keeps the engine, one copy per user.
func EnginePath() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache directory (set HOME or XDG_CACHE_HOME): %w", err)
	}
	return filepath.Join(cache, "roamclear", "engine", EngineVersion, engineLibrary), nil
}

// installedEngine returns where packages and images put the engine: beside the program exe,
// bin/roamclear, below the same prefix.
func installedEngine(exe string) string {
	return filepath.Join(filepath.Dir(filepath.Dir(exe)), "lib", "roamclear", "engine", EngineVersion, engineLibrary)
}

// FetchEngine returns the path of the engine's library: the one that was installed with
// the program, else the one in the user's cache. It downloads that
// through npm (178 MB, 566 MB unpacked) when the cache does not hold
// it, and checks its SHA-256; progress gets a line when there is something to
// wait for. It returns ErrNoEngine where the engine cannot run.
//
// Nothing is written for one that is installed, nor is it hashed again: it was when it was
// packed, the file system may be read-only, and who can change it can change the program.
func FetchEngine(ctx context.Context, progress io.Writer) (string, error) {
	if err := engineSupported(); err != nil {
		return "", err
	}
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find our own binary, beside which the engine may be: %w", err)
	}
	return fetchEngine(ctx, exe, progress)
}

func fetchEngine(ctx context.Context, exe string, progress io.Writer) (string, error) {
	installed := installedEngine(exe)
	if _, err := os.Stat(installed); err == nil {
		return installed, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("find the engine that was installed with the program: %w", err)
	}
	path, err := EnginePath()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("make the engine's cache directory: %w", err)
	}
	// Two processes that start on a fresh machine must not download twice.
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintf(progress, format+"\n", args...) // whether anybody reads it does not matter
	}
	lock, err := lockFile(filepath.Join(filepath.Dir(path), "fetch.lock"), true)
	if err != nil {
		return "", err
	}
	defer lock.Close() //nolint:errcheck // nothing was written through it
	err = checkLibrary(path, engineSHA256)
	if err == nil {
		return path, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		say("%v: fetching it again", err)
	}
	say("fetching the ClickHouse engine %s through npm (178 MB, once per machine)", EngineVersion)
	if err := downloadEngine(ctx, path); err != nil {
		return "", fmt.Errorf("fetch the ClickHouse engine: %w", err)
	}
	say("engine checked (SHA-256 %s) and kept in %s", engineSHA256[:12], path)
	return path, nil
}

func engineSupported() error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("%w (this is %s/%s)", ErrNoEngine, runtime.GOOS, runtime.GOARCH)
	}
	if _, err := os.Stat(glibcLoader); err != nil {
		return fmt.Errorf("%w (no glibc: %w)", ErrNoEngine, err)
	}
	return nil
}

// downloadEngine installs the npm package beside path, so that the last step
// is a rename within one file system, and moves the checked library to path.
func downloadEngine(ctx context.Context, path string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("npm is needed to download it (install Node.js, or set clickhouse.addr to a ClickHouse server): %w", err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), "npm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a left-over directory does no harm
	cmd := exec.CommandContext(ctx, npm, "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", enginePackage)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install %s: %w\n%s", enginePackage, err, out)
	}
	found := ""
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == engineLibrary && d.Type().IsRegular() {
			found = p
		}
		return err
	})
	if err != nil {
		return err
	}
	if found == "" {
		return fmt.Errorf("package %s holds no %s", enginePackage, engineLibrary)
	}
	if err := checkLibrary(found, engineSHA256); err != nil {
		return err
	}
	if err := os.Rename(found, path); err != nil {
		return err
	}
	return writeStamp(path, engineSHA256)
}

// checkLibrary reports whether path has the wanted SHA-256. Hashing 566 MB at
// every start would cost more than starting the engine, so a stamp beside the
// file remembers the sum together with the file's size and modification time.
func checkLibrary(path, want string) error {
	stamp, err := stampOf(path, want)
	if err != nil {
		return err
	}
	if had, err := os.ReadFile(path + ".sha256"); err == nil && string(had) == stamp {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%s has SHA-256 %s, want %s", path, got, want)
	}
	return writeStamp(path, want)
}

func stampOf(path, sum string) (string, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %d\n", sum, fi.Size(), fi.ModTime().UnixNano()), nil
}

func writeStamp(path, sum string) error {
	stamp, err := stampOf(path, sum)
	if err != nil {
		return err
	}
	return os.WriteFile(path+".sha256", []byte(stamp), 0o644)
}
