package clickhouse

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/ebitengine/purego"
)

// childCommand is the first argument with which the binary runs as the engine.
const childCommand = "engine-child"

// MaybeRunChild runs the engine and does not return to its caller's work when
// this process was started by StartEngine. Call it first thing in main (and in
// TestMain); when it returns true, the engine has ended without an error and
// the process should exit.
func MaybeRunChild() (handled bool) {
	if len(os.Args) != 5 || os.Args[1] != childCommand {
		return false
	}
	if err := runChild(os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
	return true
}

// runChild turns this process into a ClickHouse server: the command-line
// client inside the library is told to open the ports of its configuration and
// then to be interactive, which lasts until its terminal says end of file.
func runChild(library, config, data string) error {
	// The engine keeps thread-local state of the thread it was started on.
	runtime.LockOSThread()
	lib, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return fmt.Errorf("load %s: %w", library, err)
	}
	var (
		setSignalHandlers func(enabled int32)
		queryCmdline      func(argc int32, argv **byte) uintptr
		resultError       func(result uintptr) string
		destroyResult     func(result uintptr)
	)
	purego.RegisterLibFunc(&setSignalHandlers, lib, "chdb_set_signal_handlers_enabled")
	purego.RegisterLibFunc(&queryCmdline, lib, "chdb_query_cmdline")
	purego.RegisterLibFunc(&resultError, lib, "chdb_result_error")
	purego.RegisterLibFunc(&destroyResult, lib, "chdb_destroy_query_result")

	// The Go runtime owns the signals of this process. A file that may not grow
	// (ulimit -f) is an error of one insert, not the end of the engine.
	setSignalHandlers(0)
	signal.Ignore(syscall.SIGXFSZ)
	argv := cStrings("clickhouse", "--config-file="+config, "--path="+data,
		"--query=SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP", "--interactive")
	var pin runtime.Pinner
	defer pin.Unpin()
	for _, arg := range argv {
		if arg != nil {
			pin.Pin(arg)
		}
	}
	pin.Pin(&argv[0])
	result := queryCmdline(int32(len(argv)-1), &argv[0])
	if result == 0 {
		return errors.New("no result")
	}
	defer destroyResult(result)
	if text := resultError(result); text != "" {
		return errors.New(text)
	}
	return nil
}

// cStrings returns NUL-terminated copies, and a nil at the end.
func cStrings(args ...string) []*byte {
	out := make([]*byte, 0, len(args)+1)
	for _, a := range args {
		out = append(out, &append([]byte(a), 0)[0])
	}
	return append(out, nil)
}
