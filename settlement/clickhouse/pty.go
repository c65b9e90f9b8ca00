package clickhouse

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openPTY returns both ends of a new pseudo-terminal. The engine needs one:
// without a terminal it ends at the first client that hangs up rudely.
func openPTY() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open a terminal for the engine: %w", err)
	}
	defer func() {
		if err != nil {
			_ = master.Close()
		}
	}()
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, fmt.Errorf("unlock the engine's terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, nil, fmt.Errorf("name the engine's terminal: %w", err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open the engine's terminal: %w", err)
	}
	return master, slave, nil
}
