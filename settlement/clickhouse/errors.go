package clickhouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/settlement"
)

// Server error codes with which the same statement may succeed later.
// https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
var transientCodes = map[int32]bool{
	75:  true, // CANNOT_WRITE_TO_FILE_DESCRIPTOR: how a full disk shows while a part is written
	159: true, // TIMEOUT_EXCEEDED
	202: true, // TOO_MANY_SIMULTANEOUS_QUERIES
	203: true, // NO_FREE_CONNECTION
	209: true, // SOCKET_TIMEOUT
	210: true, // NETWORK_ERROR
	236: true, // ABORTED
	241: true, // MEMORY_LIMIT_EXCEEDED
	242: true, // TABLE_IS_READ_ONLY
	243: true, // NOT_ENOUGH_SPACE
	252: true, // TOO_MANY_PARTS
	319: true, // UNKNOWN_STATUS_OF_INSERT
	394: true, // QUERY_WAS_CANCELLED
	425: true, // SYSTEM_ERROR
	999: true, // KEEPER_EXCEPTION
}

const (
	codeSameQueryID = 216 // QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING
	codeMemory      = 241 // MEMORY_LIMIT_EXCEEDED
)

// fail wraps err with what was attempted, and with ErrUnavailable where the
// attempt may succeed later. It returns nil for nil.
func fail(attempt string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%s: %w", attempt, settlement.ErrNotFound)
	case isMemory(err):
		return fmt.Errorf("%s: %w: %w: %w", attempt, ingest.ErrTooMuch, settlement.ErrUnavailable, err)
	case isTransient(err):
		return fmt.Errorf("%s: %w: %w", attempt, settlement.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", attempt, err)
}

// isMemory reports whether the server had no memory for what it was asked.
func isMemory(err error) bool {
	ex, ok := errors.AsType[*ch.Exception](err)
	return ok && ex.Code == codeMemory
}

// isTransient is the one place that decides whether trying again can help.
func isTransient(err error) bool {
	if lost(err) {
		return true
	}
	ex, ok := errors.AsType[*ch.Exception](err)
	return ok && transientCodes[ex.Code]
}

// lost reports whether the connection broke, so that nobody knows whether the
// server did what it was asked. A cancelled or timed-out context is not that.
func lost(err error) bool {
	if _, ok := errors.AsType[*connectError](err); ok {
		return true
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, ch.ErrAcquireConnTimeout) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) {
		return true
	}
	_, network := errors.AsType[net.Error](err)
	return network
}
