package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestDurationsAreLoggedInMilliseconds(t *testing.T) {
	for _, format := range logFormats {
		var out bytes.Buffer
		newLogger(LogConfig{Level: "info", Format: format}, &out).With("patience", 30*time.Second).
			WithGroup("engine").Info("x", "took", 1500*time.Millisecond, "n", 3)
		for _, want := range []string{"patience_ms", "30000", "took_ms", "1500"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: want %s in %s", format, want, out.String())
			}
		}
		if strings.Contains(out.String(), "1.5s") || strings.Contains(out.String(), "000000") {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}
