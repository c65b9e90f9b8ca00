// Command broker runs the product's embedded broker in a process of its own,
// so that a benchmark does not count its cost as ours. It prints its address
// on standard output when it answers and runs until it is told to stop.
//
//	broker --data DIR
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/roamclear/roamclear/ingest/kafka"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var data string
	command := &cobra.Command{
		Use: "broker", Short: "Run the embedded broker alone", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			broker, err := kafka.StartEmbedded(c.Context(), kafka.EmbeddedOptions{Dir: data})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, broker.Close()) }()
			if _, err := fmt.Fprintln(c.OutOrStdout(), broker.Addr()); err != nil {
				return fmt.Errorf("print address: %w", err)
			}
			<-c.Context().Done()
			return nil
		},
	}
	command.Flags().StringVar(&data, "data", "", "directory of the broker")
	if err := command.MarkFlagRequired("data"); err != nil {
		panic(err) // the flag is there
	}
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}
