package api

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// reloaded is a value that is made of files, and made again when one of them changes.
// Who asks for it looks at them first, so what is replaced counts from the next
// question on; what cannot be used is told, once, and the value stays as it was.
type reloaded[T any] struct {
	name   string // for the log
	logger *slog.Logger
	make   func(contents [][]byte) (*T, error)

	mu     sync.Mutex // guards files, unread and told; one looks at a time
	files  []*file
	unread bool   // a file could not be read the last time: it is tried again
	told   string // the last problem, so that it is told once

	value atomic.Pointer[T]
	made  atomic.Uint64 // how often the value was made
}

// newReloaded reads the files for the first time. The error names the setting and the
// file that cannot be used.
func newReloaded[T any](name string, logger *slog.Logger, files []*file, build func([][]byte) (*T, error)) (*reloaded[T], error) {
	r := &reloaded[T]{name: name, logger: logger, files: files, make: build}
	return r, r.read()
}

// get returns the value.
func (r *reloaded[T]) get() *T { return r.value.Load() }

// look makes the value again if a file has changed, and reports whether it did.
func (r *reloaded[T]) look() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.changed() && !r.unread {
		return false
	}
	if err := r.read(); err != nil {
		if text := err.Error(); text != r.told {
			r.told = text
			r.logger.Error("a changed file cannot be used: what was read before stays in use", "what", r.name, "error", err)
		}
		return false
	}
	r.told = ""
	r.logger.Info("files read again", "what", r.name)
	return true
}

// changed reports whether a file is another one than was read.
func (r *reloaded[T]) changed() bool {
	changed := false
	for _, f := range r.files { // all: each notes what it has seen
		changed = f.changed() || changed
	}
	return changed
}

func (r *reloaded[T]) read() error {
	contents := make([][]byte, len(r.files))
	r.unread = true
	for i, f := range r.files {
		var err error
		if contents[i], err = f.read(); err != nil {
			return err
		}
	}
	r.unread = false
	value, err := r.make(contents)
	if err != nil {
		return err
	}
	r.value.Store(value)
	r.made.Add(1)
	return nil
}

// file is a file that a setting names.
type file struct {
	setting, path string
	limit         int64 // bytes

	seen    stamp
	sum     [sha256.Size]byte // of what was read
	settled bool              // seen tells whether it changes
}

// stamp is what is cheap to know of a file. One that is replaced has another inode,
// one that is written another time.
type stamp struct {
	modified time.Time
	size     int64
	inode    uint64
}

// restless is how long after it was written a file may be written again without its
// stamp telling: clocks of file systems are coarse. Until then its content is read.
const restless = 2 * time.Second

func stampOf(info os.FileInfo) stamp {
	s := stamp{modified: info.ModTime(), size: info.Size()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = sys.Ino
	}
	return s
}

// changed reports whether the file has another content than was read, or cannot be
// looked at.
func (f *file) changed() bool {
	info, err := os.Stat(f.path)
	if err != nil {
		return true // reading it says why
	}
	if f.settled && stampOf(info) == f.seen {
		return false
	}
	before := f.sum
	if _, err := f.read(); err != nil {
		return true
	}
	return f.sum != before
}

// read reads the file whole. The error names it and its setting.
func (f *file) read() ([]byte, error) {
	f.settled = false
	content, seen, err := f.content()
	if err != nil {
		return nil, f.wrong(err)
	}
	f.seen, f.sum = seen, sha256.Sum256(content)
	f.settled = time.Since(seen.modified) > restless
	return content, nil
}

func (f *file) content() (_ []byte, _ stamp, err error) {
	opened, err := os.Open(f.path)
	if err != nil {
		return nil, stamp{}, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	info, err := opened.Stat() // of the file that is read, whatever stands in its place by now
	if err != nil {
		return nil, stamp{}, err
	}
	content, err := io.ReadAll(io.LimitReader(opened, f.limit+1))
	if err == nil && int64(len(content)) > f.limit {
		err = fmt.Errorf("larger than %d bytes", f.limit)
	}
	return slices.Clip(content), stampOf(info), err
}

// wrong names the setting and the file in an error.
func (f *file) wrong(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("%s: %s: %w", f.setting, f.path, err)
}
