package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// exitError carries an exit code. err is printed when not nil.
//
//	0 success   1 failure   2 usage, or cannot be priced   3 data directory in use
type exitError struct {
	code int
	err  error
}

// Error implements error.
func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

// Unwrap returns the cause.
func (e *exitError) Unwrap() error { return e.err }

// exitUsage is the exit code of a command that was called wrongly.
const exitUsage = 2

// executeCommand executes a command. What cobra refuses before the command itself runs,
// such as an unknown flag or one that is missing, is wrong usage.
func executeCommand(ctx context.Context, root *cobra.Command) error {
	began := false
	noteStart(root, &began)
	err := root.ExecuteContext(ctx)
	var exit *exitError
	if err == nil || began || errors.As(err, &exit) {
		return err
	}
	return &exitError{exitUsage, err}
}

// noteStart has began set as soon as a command itself runs.
func noteStart(cmd *cobra.Command, began *bool) {
	if inner := cmd.RunE; inner != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*began = true
			return inner(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		noteStart(sub, began)
	}
}
