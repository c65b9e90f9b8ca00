package main

import "fmt"

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
