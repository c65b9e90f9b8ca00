package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
)

// demoOptions say how much of the real charges the demo world takes.
type demoOptions struct {
	rows    string // "" = the extract in the binary, a number, or "all"
	charges string // path of the whole collection, for rows beyond the extract
	seed    uint64
}

// defaultCharges is where the whole collection lies beside a checkout.
const defaultCharges = "../shared/data/real-charges.csv.gz"

func (o *demoOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.rows, "rows", "", "real charges of the demo world: a number, or all (default: the 2,000 in the binary)")
	cmd.Flags().StringVar(&o.charges, "charges", defaultCharges, "gzipped CSV of the whole collection, for --rows beyond the 2,000")
	cmd.Flags().Uint64Var(&o.seed, "seed", 1, "seed of what the demo world makes up")
}

func newDemoCmd() *cobra.Command {
	var service serviceFlags
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Load a demo roaming world into a running service",
		Long: "demo builds a roaming world on charges that real cars made (stations, times and energy are real; tariffs,\n" +
			"eMSPs and mishaps are made up from a seed) and pushes it over the service's public OCPI interface, as\n" +
			"partners would. Then it prints what came of it and where to look.",
		Example: "  roamclear demo --data data\n  roamclear demo --data data --rows all",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			client, err := service.client()
			if err != nil {
				return err
			}
			d := &demo{client: client, options: o, out: cmd.OutOrStdout(), progress: cmd.ErrOrStderr()}
			return d.run(cmd.Context())
		},
	}
	service.register(cmd)
	o.register(cmd)
	return cmd
}

// demo loads the world into a service and says what came of it.
type demo struct {
	client   *adminClient
	options  demoOptions
	out      io.Writer
	progress io.Writer
	file     demoFile
	stations bool // charges can be started, see openStations
}

// demoFile keeps what the demo world is made with, so that an interrupted load
// goes on and a second start can say where to look. Mode 0600, as it holds
// tokens.
type demoFile struct {
	Tokens  map[string]string `json:"tokens"` // by party; chosen before anything is sent
	Key     string            `json:"key"`    // API key for reports
	CDR     string            `json:"cdr"`    // path of the CDR to look at
	Loaded  bool              `json:"loaded"`
	Service string            `json:"service,omitempty"` // URL of the service it is in; "": that of the data directory
	Alone   bool              `json:"alone,omitempty"`   // the data directory was made for it
}

// demoAlone reports whether a service's partners are the demo's: its data directory is new,
// or was when the demo came into it, and it shares no log with others.
func demoAlone(c *Config) (bool, error) {
	if len(c.Kafka.Brokers) > 0 {
		return false, nil
	}
	switch entries, err := os.ReadDir(c.Data); {
	case errors.Is(err, os.ErrNotExist):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("data directory: %w", err)
	case len(entries) == 0:
		return true, nil
	}
	d := demo{client: &adminClient{data: c.Data}}
	if err := d.read(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	return d.file.Alone, nil
}

// runDemo loads the world into a service of this process and, where partners on this
// machine may be called, serves a CPO to charge at until ctx ends. The data directory is for
// the demo alone, or not.
func runDemo(ctx context.Context, s *service, o demoOptions, alone bool, out, progress io.Writer) error {
	flags := serviceFlags{data: s.config.Data, url: s.http.url} // whatever the environment names
	client, err := flags.client()
	if err != nil {
		return err
	}
	d := &demo{client: client, options: o, out: out, progress: progress, file: demoFile{Alone: alone}}
	if err := d.open(); err != nil {
		return err
	}
	serve := func(context.Context) error { return nil }
	if s.config.PartnerURLs.AllowPrivate {
		stations, err := d.openStations(ctx)
		if err != nil {
			return err
		}
		serve = stations.run
	}
	return beside(ctx, serve, func(ctx context.Context) error {
		if err := d.loadOrShow(ctx); err != nil {
			return err
		}
		d.printf("\nRunning. Ctrl-C stops it; what is here stays in %s.\n", s.config.Data)
		return nil
	})
}

func (d *demo) path(names ...string) string {
	return filepath.Join(append([]string{d.client.data}, names...)...)
}

// service names the service that the tokens and the key of the file are for, as
// in demoFile: they go to no other.
func (d *demo) service() string {
	if d.client.elsewhere {
		return d.client.url
	}
	return ""
}

func (d *demo) run(ctx context.Context) error {
	if err := d.open(); err != nil {
		return err
	}
	return d.loadOrShow(ctx)
}

// open reads the demo file, or makes it.
func (d *demo) open() error {
	if err := d.read(); errors.Is(err, os.ErrNotExist) {
		d.file.Tokens, d.file.Service = map[string]string{}, d.service()
		for _, p := range world.Partners() {
			d.file.Tokens[p.Party.String()] = randomToken()
		}
		if err := d.save(); err != nil {
			return err
		}
	} else if err != nil {
		return err
	} else if d.file.Service != d.service() {
		return wrongUsage("%s is for another service, whose tokens go nowhere else: name another directory with --data", d.path("demo.json"))
	}
	return nil
}

func (d *demo) loadOrShow(ctx context.Context) error {
	if d.file.Loaded {
		d.printf("\nThe demo world is still here.\n")
		if _, err := os.Stat(d.path(exampleDir, exampleKey)); errors.Is(err, os.ErrNotExist) { // loaded by an older version
			if err := d.saveExamples(ctx, d.options.seed); err != nil {
				return err
			}
		}
		return d.show(ctx)
	}
	return d.load(ctx)
}

func (d *demo) read() error {
	b, err := os.ReadFile(d.path("demo.json"))
	if err == nil {
		err = json.Unmarshal(b, &d.file)
	}
	if err != nil {
		return fmt.Errorf("read demo file: %w", err)
	}
	return nil
}

func (d *demo) save() error {
	b, err := json.MarshalIndent(d.file, "", "  ")
	if err != nil {
		return fmt.Errorf("encode demo file: %w", err)
	}
	if err := writeFile(d.path("demo.json"), b); err != nil {
		return fmt.Errorf("write demo file: %w", err)
	}
	return nil
}

// load pushes the world and waits until all of it is stored. What an earlier,
// interrupted load pushed is pushed again: that changes nothing.
func (d *demo) load(ctx context.Context) error {
	options, source, err := d.options.world()
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // read only
	d.printf("Loading the demo world: real charges, pushed as OCPI by ten partners …\n")
	bar := newBar(d.progress, -1, "requests")
	began := time.Now()
	report, err := world.Push(ctx, options, world.PushOptions{
		TLS:     d.client.tls,
		BaseURL: d.client.url, Token: d.partner, Concurrency: 64,
		Progress: func(r world.Report) { bar.Set(r.Requests) }, //nolint:errcheck // a bar that cannot be drawn changes no result
	})
	bar.Finish() //nolint:errcheck // as above
	if err != nil {
		return err
	}
	if d.file.Key == "" {
		var secret admin.KeySecret
		request := admin.KeyRequest{Name: "demo", Scopes: []string{control.ScopeFinanceRead}}
		if err := d.client.do(ctx, http.MethodPost, "/keys", request, &secret); err != nil {
			return fmt.Errorf("make an API key: %w", err)
		}
		d.file.Key = secret.Secret
		if err := d.save(); err != nil {
			return err
		}
	}
	d.printf("\nPushed %d requests in %.1f s:", report.Requests, time.Since(began).Seconds())
	for _, m := range []world.Module{world.Locations, world.Tariffs, world.Tokens, world.Sessions, world.CDRs} {
		d.printf(" %d %s,", report.Modules[m], m)
	}
	d.printf(" %d tried again.\nAmong the CDRs:", report.Retries)
	for c := world.Good; c <= world.Incomplete; c++ {
		d.printf(" %d %s,", report.Accepted.ByClass[c], c)
	}
	d.printf(" as real life has it.\n")
	for _, example := range report.Examples {
		d.printf("  unexpected answer: %s\n", example)
	}
	if report.Unexpected > 0 {
		return fmt.Errorf("%d answers were not what the objects called for", report.Unexpected)
	}
	if err := d.await(ctx, report.Accepted); err != nil {
		return err
	}
	if err := d.saveExamples(ctx, options.Seed); err != nil {
		return err
	}
	return d.show(ctx)
}

// check reports wrong usage before anything is done.
func (o *demoOptions) check() error {
	if n, err := strconv.Atoi(o.rows); o.rows != "" && o.rows != "all" && (err != nil || n < 1) {
		return wrongUsage("--rows %s: want a number of charges, or all", o.rows)
	}
	return nil
}

// world opens the charges and says which world to make of them.
func (o *demoOptions) world() (world.Options, io.ReadCloser, error) {
	w := world.Options{Seed: o.seed}
	path := ""
	switch n, err := strconv.Atoi(o.rows); {
	case o.rows == "":
	case o.rows == "all":
		path = o.charges
	case err != nil || n < 1:
		return w, nil, o.check()
	default:
		w.Rows = n
		if n > 2000 {
			path = o.charges
		}
	}
	source, err := world.Open(path)
	if err != nil {
		return w, nil, err
	}
	w.Source = source
	return w, source, nil
}

// partner makes a party of the world known to the service. One that an earlier
// load has added has its token already.
func (d *demo) partner(ctx context.Context, p world.Partner) (string, error) {
	token := d.file.Tokens[p.Party.String()]
	known, err := d.partners(ctx)
	if err != nil {
		return "", err
	}
	role := control.NewRole(p.Role, p.Party.Country, p.Party.ID)
	for _, k := range known {
		if slices.Contains(k.Roles, role) {
			return token, nil
		}
	}
	request := admin.PartnerRequest{Name: p.Name, Roles: []control.Role{role}, Token: token}
	return token, d.client.do(ctx, http.MethodPost, "/partners", request, &admin.PartnerToken{})
}

func (d *demo) partners(ctx context.Context) ([]admin.Partner, error) {
	var known admin.PartnerList
	if err := d.client.do(ctx, http.MethodGet, "/partners", nil, &known); err != nil {
		return nil, fmt.Errorf("list partners: %w", err)
	}
	return known.Partners, nil
}

// await returns when the settlement report counts what was acknowledged.
func (d *demo) await(ctx context.Context, accepted *world.Reference) error {
	want := 0
	for _, totals := range accepted.Lines {
		want += totals.CDRs + totals.Credits
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		rows, err := d.settlement(ctx)
		got := 0
		for _, r := range rows {
			got += r.CDRs + r.Credits
		}
		if err == nil && got >= want {
			return nil
		}
		if !ingest.Pause(ctx, 100*time.Millisecond) {
			return fmt.Errorf("the report counts %d of %d CDRs: %w", got, want, errors.Join(err, ctx.Err()))
		}
	}
}

func (d *demo) printf(format string, args ...any) {
	fmt.Fprintf(d.out, format, args...) //nolint:errcheck // a terminal that went away changes no result
}

// get reads a report.
func (d *demo) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.client.url+path, nil)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	req.Header.Set("Authorization", "Bearer "+d.file.Key)
	res, err := d.client.http.Do(req)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer res.Body.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("read %s: HTTP %d: %s", path, res.StatusCode, strings.TrimSpace(string(b)))
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
