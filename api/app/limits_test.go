package app

import (
	"testing"
	"time"
)

// Limits are kept over a restart for eight days: none is taken that is further ahead.
func TestHowFarAheadAChargeMayEnd(t *testing.T) {
	now := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	for at, ok := range map[string]bool{
		"2026-01-05T09:59:59Z": false, "2026-01-05T10:00:01Z": true, "2026-01-12T10:00:00Z": true, "2026-01-12T10:00:01Z": false, "tomorrow": false,
	} {
		if _, err := (&limitsJSON{StopAt: &at}).read(now); (err == nil) != ok {
			t.Errorf("%s: %v", at, err)
		}
	}
}
