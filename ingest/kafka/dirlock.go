package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrDirInUse says that another process has the data directory open.
var ErrDirInUse = errors.New("directory is in use by another process: stop it, or use another data directory")

// lockDir takes the directory for this process until the file is closed or
// the process ends, however it ends.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = inUse(path)
		}
		return nil, errors.Join(fmt.Errorf("lock directory: %w", err), f.Close())
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("lock directory: %w", err), f.Close())
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return nil, errors.Join(fmt.Errorf("lock directory: %w", err), f.Close())
	}
	return f, nil
}

// inUse names the process that holds the lock, as far as it is known.
func inUse(path string) error {
	holder, err := os.ReadFile(path)
	if err != nil || len(holder) == 0 {
		return ErrDirInUse
	}
	return fmt.Errorf("%w (process id %s)", ErrDirInUse, strings.TrimSpace(string(holder)))
}
