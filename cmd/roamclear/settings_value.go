package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// secret is a text that is never printed: as it was given, or as it stands in a file.
type secret struct{ Text, File string }

// String implements fmt.Stringer.
func (s secret) String() string {
	if s.Text == "" || s.File != "" { // the setting that names the file says where it is
		return ""
	}
	return "(set)"
}

// maxSecretFile is more than any password has.
const maxSecretFile = 64 << 10

// read takes a secret from the file that a setting names: one line, without its end.
func (s *secret) read(setting string) error {
	if s.File == "" {
		return nil
	}
	if s.Text != "" {
		return fmt.Errorf("%[1]s, %[1]s_file: both are given: which of them counts is not for us to guess, give one", setting)
	}
	f, err := os.Open(s.File)
	if err != nil {
		return fmt.Errorf("%s_file: %w", setting, err)
	}
	defer f.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	text := strings.TrimRight(string(b), "\r\n")
	switch {
	case err != nil:
		return fmt.Errorf("%s_file: %w", setting, err)
	case len(b) > maxSecretFile, strings.ContainsAny(text, "\r\n"):
		return fmt.Errorf("%s_file: %s: want one line, the secret alone", setting, s.File)
	case text == "":
		return fmt.Errorf("%s_file: %s: there is nothing in it", setting, s.File)
	}
	s.Text = text
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (s secret) MarshalYAML() (any, error) { return s.String(), nil }

// put keeps a value from YAML, the environment, a flag or the table, and says
// what was wanted where it is of another kind. None is 0, "" or no value.
func put(at, value any) (want string) {
	ok := false
	switch at := at.(type) {
	case *string:
		*at, ok = asText(value)
		want = "one value"
	case *secret:
		at.Text, ok = asText(value)
		want = "one value"
	case *int64:
		*at, ok = asWhole(value)
		want = "a whole number"
	case *int:
		var n int64
		n, ok = asWhole(value)
		*at, want = int(n), "a whole number"
	case *bool:
		*at, ok = asBool(value)
		want = "true or false"
	case *time.Duration:
		*at, ok = asDuration(value)
		want = "a time such as 30s"
	case *[]string:
		*at, ok = asList(value)
		want = "a list of values"
	}
	if ok {
		return ""
	}
	return want
}

func asWhole(value any) (int64, bool) {
	switch v := value.(type) {
	case nil:
		return 0, true
	case int:
		return int64(v), true
	case int64:
		return v, true
	case float64: // YAML's 1e9
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case string:
		if v == "" {
			return 0, true
		}
		n, err := strconv.ParseInt(v, 0, 64)
		return n, err == nil
	}
	return 0, false
}

func asBool(value any) (b, ok bool) {
	switch v := value.(type) {
	case nil:
		return false, true
	case bool:
		return v, true
	case string:
		if v == "" {
			return false, true
		}
		b, err := strconv.ParseBool(v)
		return b, err == nil
	}
	return false, false
}

func asDuration(value any) (time.Duration, bool) {
	text, ok := asText(value)
	if !ok || text == "" {
		return 0, ok
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

func asText(value any) (string, bool) {
	switch v := value.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case int, int64, uint64:
		return fmt.Sprint(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// asList reads a list; one text is a list separated by commas.
func asList(value any) ([]string, bool) {
	switch v := value.(type) {
	case []string:
		return slices.Clone(v), true
	case []any:
		list := make([]string, len(v))
		for i, e := range v {
			text, ok := asText(e)
			if !ok {
				return nil, false
			}
			list[i] = text
		}
		return list, true
	}
	text, ok := asText(value)
	if !ok || text == "" {
		return nil, ok
	}
	return strings.Split(text, ","), true
}
