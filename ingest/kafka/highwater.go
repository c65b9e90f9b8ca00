package kafka

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// highWater remembers in a file of its own where every partition ended when
// the log was last trimmed. A partition that came up empty, or without its
// last segments, would start to hand out offsets that have been used: other
// records would take the place of those already priced.
type highWater struct {
	path string
	ends map[string]int64 // by "topic/partition"
}

type highWaterFile struct {
	Version int              `json:"version"`
	Ends    map[string]int64 `json:"ends"`
}

const highWaterVersion = 1

func partitionName(topic string, partition int32) string {
	return topic + "/" + strconv.Itoa(int(partition))
}

func (h *highWater) load() error {
	h.ends = map[string]int64{}
	data, err := os.ReadFile(h.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read high-water marks: %w", err)
	}
	var f highWaterFile
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("read high-water marks from %s: %w: the file is damaged; restore the directory from a backup", h.path, err)
	}
	if f.Version != highWaterVersion {
		return fmt.Errorf("read high-water marks from %s: version %d is unknown to this version of roamclear: start a newer one", h.path, f.Version)
	}
	if f.Ends != nil {
		h.ends = f.Ends
	}
	return nil
}

// check compares the marks with the log as it was opened.
func (h *highWater) check(end func(topic string, partition int32) (int64, bool)) error {
	for name, mark := range h.ends {
		topic, number, _ := strings.Cut(name, "/")
		partition, err := strconv.ParseInt(number, 10, 32)
		if err != nil {
			return fmt.Errorf("read high-water marks from %s: %q is not a partition: restore the directory from a backup", h.path, name)
		}
		got, ok := end(topic, int32(partition))
		if !ok {
			return fmt.Errorf("partition %s is gone, it had %d records: restore the directory from a backup", name, mark)
		}
		if got < mark {
			return fmt.Errorf("partition %s ends at offset %d and has been at %d: records are lost and their offsets would be used again; restore the directory from a backup", name, got, mark)
		}
	}
	return nil
}

// save writes the marks so that they are either the old or the new ones,
// whatever happens, and on disk when it returns.
func (h *highWater) save(ends map[string]int64) error {
	data, err := json.Marshal(highWaterFile{Version: highWaterVersion, Ends: ends})
	if err != nil {
		return fmt.Errorf("save high-water marks: %w", err)
	}
	if err := replaceFile(h.path, data); err != nil {
		return fmt.Errorf("save high-water marks: %w", err)
	}
	h.ends = ends
	return nil
}

func replaceFile(path string, data []byte) error {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
