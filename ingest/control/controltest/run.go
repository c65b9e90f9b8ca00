// Package controltest runs a machine of the control log, for tests.
package controltest

import (
	"context"
	"testing"
)

// Run runs a machine until the test ends.
func Run(t testing.TB, machine interface{ Run(context.Context) error }) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- machine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run the control log: %v", err)
		}
	})
}
