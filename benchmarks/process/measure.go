package process

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Measure is the whole of a program that measures the service: it runs in a folder of its
// own, which stays where it fails, ends on Ctrl-C, and exits with 1 on an error. binary is
// where the service's path goes; flags declares the others.
func Measure(name, short string, binary *string, flags func(f *pflag.FlagSet), run func(ctx context.Context, dir string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "roamclear-"+name+"-")
			if err != nil {
				return fmt.Errorf("make directory: %w", err)
			}
			if err := run(c.Context(), dir); err != nil {
				return fmt.Errorf("%w (data and log are in %s)", err, dir)
			}
			return os.RemoveAll(dir)
		},
	}
	command.Flags().StringVar(binary, "binary", "bin/roamclear", "the service, as make build makes it")
	flags(command.Flags())
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}
