// Command baseline runs one half of the idiomatic pipeline, or one of the
// floors that need a server of their own. It prints "ready" on standard output
// and runs until it is told to stop.
//
//	baseline --role ingest --broker ADDR --listen ADDR
//	baseline --role worker --broker ADDR --clickhouse ADDR --user U --password P --database D
//	baseline --role read --listen ADDR      gin, reads the body, answers
//	baseline --role decode --listen ADDR    the same, and decodes the body
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/roamclear/roamclear/benchmarks/baseline"
	"github.com/roamclear/roamclear/benchmarks/floors"
	"github.com/spf13/cobra"
)

type options struct {
	role, broker, listen, clickhouse, user, password, database string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	command := &cobra.Command{
		Use: "baseline", Short: "Run the idiomatic pipeline", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error { return run(c.Context(), &o) },
	}
	f := command.Flags()
	f.StringVar(&o.role, "role", "", "ingest, worker, read or decode")
	f.StringVar(&o.broker, "broker", "", "host:port of the broker")
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "host:port to serve on")
	f.StringVar(&o.clickhouse, "clickhouse", "", "host:port of ClickHouse")
	f.StringVar(&o.user, "user", "", "of ClickHouse")
	f.StringVar(&o.password, "password", "", "of ClickHouse")
	f.StringVar(&o.database, "database", "", "of ClickHouse; its tables must be there")
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options) error {
	switch o.role {
	case "ingest":
		w := baseline.NewWriter(o.broker)
		return errors.Join(serve(ctx, o.listen, baseline.Handler(w)), w.Close())
	case "read":
		return serve(ctx, o.listen, floors.ReadHandler())
	case "decode":
		return serve(ctx, o.listen, floors.DecodeHandler())
	case "worker":
		conn, err := ch.Open(&ch.Options{Addr: []string{o.clickhouse}, Auth: ch.Auth{Database: o.database, Username: o.user, Password: o.password}})
		if err != nil {
			return fmt.Errorf("open clickhouse: %w", err)
		}
		fmt.Println("ready")
		return errors.Join(baseline.Work(ctx, o.broker, conn), conn.Close())
	}
	return fmt.Errorf("role %q: want ingest, worker, read or decode", o.role)
}

func serve(ctx context.Context, addr string, handler http.Handler) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	fmt.Println("ready")
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.Shutdown(ending)
}
