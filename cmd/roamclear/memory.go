package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
)

// tuneMemory lets the heap grow to four times what is live before it is
// collected: the live heap is small, so the default collects a hundred times a
// second under load. It also bounds the heap as a whole, so that a burst does not
// leave a heap of that many times its size. GOGC and GOMEMLIMIT in the
// environment win.
func tuneMemory(c *Config) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent(0))
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(c.memoryLimit(machineMemory("/")))
	}
}

// headroom is what the heap may grow by between two collections, in bytes, once
// four times what is live is more than that.
const headroom = 128 << 20

// gcPercent is how much the heap may grow, in percent of what is live: 400 while
// that is little; at least a third as much again, so that a large heap is not
// collected all the time. What a large one holds, packed objects and hashes, has
// few pointers to follow.
func gcPercent(live uint64) int {
	return int(min(max(headroom*100/max(live, 1), 33), 400))
}

// keepHeadroom holds gcPercent against what each collection has found live until
// ctx ends, unless GOGC in the environment says how much. Without it a burst that
// is live for a moment leaves a heap of five times its size.
func keepHeadroom(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	collected := make(chan struct{}, 1)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	percent := gcPercent(0)
	for {
		onCollection(collected)
		select {
		case <-ctx.Done():
			return nil
		case <-collected:
		}
		metrics.Read(live)
		if next := gcPercent(live[0].Value.Uint64()); next != percent {
			percent = next
			debug.SetGCPercent(percent)
		}
	}
}

// onCollection sends once something that nobody refers to has been collected:
// after the next collection.
func onCollection(collected chan<- struct{}) {
	garbage := new([64]byte)
	runtime.AddCleanup(garbage, func(c chan<- struct{}) { c <- struct{}{} }, collected)
}

// leastMemory is the lowest limit that is set unasked: below it the collector
// would work more than we do.
const leastMemory = 512 << 20

// memoryLimit is the bound of this process's own memory, in bytes: the setting,
// else half of what the machine has beside the embedded engine. The other half
// is for the page cache, without which broker and engine read from the disk.
func (c *Config) memoryLimit(machine int64) int64 {
	if c.MemoryBytes > 0 {
		return c.MemoryBytes
	}
	if len(c.Store.Addr) == 0 {
		machine -= c.Store.MemoryBytes
	}
	return max(machine/2, leastMemory)
}

// machineMemory is the memory that this process may use, in bytes: the
// machine's, or less where a control group bounds it. root is "/".
func machineMemory(root string) int64 {
	limit := int64(math.MaxInt64)
	for line := range strings.Lines(readText(root, "proc/meminfo")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			if kib, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				limit = kib << 10
			}
		}
	}
	for _, file := range groupFiles(root) {
		// "max" is no number, and no bound.
		if n, err := strconv.ParseInt(strings.TrimSpace(readText(root, file)), 10, 64); err == nil && n > 0 {
			limit = min(limit, n)
		}
	}
	return limit
}

// groupFiles are where the bounds of our control group stand, and of those
// around it (version 2), or of the container (version 1).
func groupFiles(root string) []string {
	files := []string{"sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory.max"}
	for line := range strings.Lines(readText(root, "proc/self/cgroup")) {
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		for ; ok && path != "/" && path != "."; path = filepath.Dir(path) {
			files = append(files, filepath.Join("sys/fs/cgroup", path, "memory.max"))
		}
	}
	return files
}

// readText returns a file's content, "" where it cannot be read: not every
// machine has it.
func readText(root, name string) string {
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		return ""
	}
	return string(b)
}
