package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	const gib = 1 << 30
	for _, tt := range []struct {
		name    string
		machine int64
		change  func(*Config)
		want    int64
	}{
		{"half of what the engine leaves", 8 * gib, nil, 3 * gib},
		{"no engine here", 8 * gib, func(c *Config) { c.Store.Addr = []string{"ch:9000"} }, 4 * gib},
		{"as set", 8 * gib, func(c *Config) { c.MemoryBytes = gib }, gib},
		{"a small machine", 2 * gib, nil, leastMemory},
	} {
		c := defaultConfig()
		if tt.change != nil {
			tt.change(&c)
		}
		if got := c.memoryLimit(tt.machine); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// The heap may be five times a small one, and never grows by much more than
// headroom before it is collected.
func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 10 << 20: 400, 32 << 20: 400, 64 << 20: 200, 96 << 20: 133, 128 << 20: 100, 256 << 20: 50, 4 << 30: 33} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d MiB live: %d %%, want %d %%", live>>20, got, want)
		}
	}
}

// What is live is looked at after each collection.
func TestOnCollection(t *testing.T) {
	collected := make(chan struct{}, 1)
	onCollection(collected)
	runtime.GC()
	select {
	case <-collected:
	case <-t.Context().Done():
		t.Error("nobody was told")
	}
}

func TestMachineMemory(t *testing.T) {
	const info = "MemFree:  1 kB\nMemTotal:       8388608 kB\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no control group", map[string]string{"proc/meminfo": info}, 8 << 30},
		{"no bound", map[string]string{"proc/meminfo": info, "sys/fs/cgroup/memory.max": "max\n"}, 8 << 30},
		{"a container", map[string]string{"proc/meminfo": info, "sys/fs/cgroup/memory.max": "1073741824\n"}, 1 << 30},
		{"a container of version 1", map[string]string{"proc/meminfo": info, "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n"}, 1 << 30},
		{"version 1 without a bound", map[string]string{"proc/meminfo": info, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 8 << 30},
		{"a unit in a slice", map[string]string{"proc/meminfo": info, "proc/self/cgroup": "0::/system.slice/roamclear.service\n",
			"sys/fs/cgroup/system.slice/roamclear.service/memory.max": "max\n", "sys/fs/cgroup/system.slice/memory.max": "2147483648\n"}, 2 << 30},
	} {
		root := t.TempDir()
		for name, content := range tt.files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(root, name), content)
		}
		if got := machineMemory(root); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
