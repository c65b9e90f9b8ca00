package exchanged

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/benchmarks/drive"
	"github.com/roamclear/roamclear/benchmarks/load"
	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
)

// Options say what is measured.
type Options struct {
	Binary      string
	Dir         string // for data and logs
	Connections int
	Rounds      int
	During      time.Duration // each measurement
	Charges     int           // real charges that bodies are made of
	Out         io.Writer
}

// settles is how long is waited for at most until what was pushed is priced and stored:
// that is part of what a push costs.
const settles = time.Minute

// side is one of the two services.
type side struct {
	*process.Roamclear
	listen       string
	tokens       map[ocpi.Party]string
	acknowledged int
	cost         []drive.CPU
	rates        []int64
}

// Run measures. What it finds is written to o.Out as Markdown; it is an error where a
// message is missing, or has neither a body nor the name of one.
func Run(ctx context.Context, o Options) (err error) {
	bodies, err := load.Bodies(nil, 1, o.Charges)
	if err != nil {
		return err
	}
	sides := []*side{{}, {}}
	for i, args := range [][]string{{"--messages.retention", "0s"}, nil} {
		s := sides[i]
		if err := s.start(ctx, &o, fmt.Sprint("side", i), args); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Kill()) }()
	}
	for round := range o.Rounds + 1 { // the first one warms
		for i := range sides {
			if err := sides[(i+round)%2].measure(ctx, &o, bodies, round > 0); err != nil {
				return err
			}
		}
	}
	if err := write(&o, sides[0], sides[1]); err != nil {
		return err
	}
	return sides[1].whole(ctx, &o)
}

func (s *side) start(ctx context.Context, o *Options, name string, args []string) (err error) {
	if s.listen, err = process.FreeAddress(); err != nil {
		return err
	}
	if s.Roamclear, err = process.Serve(filepath.Join(o.Dir, name+".log"), o.Binary, filepath.Join(o.Dir, name), s.listen, args...); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := s.Ready(within); err != nil {
		return errors.Join(err, s.Kill())
	}
	s.tokens = map[ocpi.Party]string{}
	for _, p := range world.Partners() {
		token, err := s.AddPartner(within, p)
		if err != nil {
			return errors.Join(err, s.Kill())
		}
		s.tokens[p.Party] = base64.StdEncoding.EncodeToString([]byte(token))
	}
	return nil
}

// measure pushes for a while, and waits until nothing of it is left to do.
func (s *side) measure(ctx context.Context, o *Options, bodies []load.Body, counts bool) error {
	before, err := drive.Used(s.Pid())
	if err != nil {
		return err
	}
	r, err := load.Run(ctx, load.Options{Addr: s.listen, Path: "/ocpi/2.2.1/receiver/cdrs", Tokens: s.tokens, Bodies: bodies,
		Run: fmt.Sprintf("%08x", rand.Uint32()), Connections: o.Connections, Count: math.MaxInt32, During: o.During})
	if err != nil {
		return err
	}
	if len(r.Status) > 0 {
		return fmt.Errorf("answers other than success: %v", r.Status)
	}
	if err := drive.Quiet(ctx, s.Pid(), settles); err != nil {
		return err
	}
	after, err := drive.Used(s.Pid())
	if err != nil {
		return err
	}
	s.acknowledged += r.Acknowledged
	if counts {
		s.cost, s.rates = append(s.cost, after.Each(before, r.Acknowledged)), append(s.rates, r.Rate())
	}
	return nil
}

// least is what the cheapest round cost, and the middle one.
func least(cost []drive.CPU, of func(drive.CPU) time.Duration) (least, median time.Duration) {
	all := make([]time.Duration, len(cost))
	for i := range cost {
		all[i] = of(cost[i])
	}
	slices.Sort(all)
	return all[0], all[len(all)/2]
}

func write(o *Options, without, with *side) (err error) {
	say := func(format string, args ...any) {
		_, failed := fmt.Fprintf(o.Out, format+"\n", args...)
		err = errors.Join(err, failed)
	}
	say("%d cores, %s, %d rounds of %s each, %d connections.\n", runtime.NumCPU(), runtime.Version(), o.Rounds, o.During, o.Connections)
	say("| messages | CPU of the service a CDR, least, median | of the engine, least, median | CDRs a second, rounds |\n| --- | --- | --- | --- |")
	var service, engine [2][2]time.Duration
	for i, s := range []*side{without, with} {
		service[i][0], service[i][1] = least(s.cost, func(c drive.CPU) time.Duration { return c.Service })
		engine[i][0], engine[i][1] = least(s.cost, func(c drive.CPU) time.Duration { return c.Engine })
		say("| %s | %s, %s | %s, %s | %s |", []string{"none are kept", "all are kept"}[i], micros(service[i][0]), micros(service[i][1]), micros(engine[i][0]), micros(engine[i][1]), strings.Trim(fmt.Sprint(s.rates), "[]"))
	}
	for _, n := range []int{0, 1} {
		more := service[1][n] - service[0][n]
		say("\n%s: %s of the service more, %d.%d %%; with the engine %d.%d %%.", []string{"Least", "Median"}[n], micros(more), more*100/service[0][n], abs(more*1000/service[0][n]%10),
			(more+engine[1][n]-engine[0][n])*100/(service[0][n]+engine[0][n]), abs((more+engine[1][n]-engine[0][n])*1000/(service[0][n]+engine[0][n])%10))
	}
	return err
}

func abs(d time.Duration) time.Duration { return max(d, -d) }

func micros(d time.Duration) time.Duration { return d.Round(100 * time.Nanosecond) }

// whole finds each message that was acknowledged, with its body named, and how large they
// are on disk.
func (s *side) whole(ctx context.Context, o *Options) error {
	store, err := s.Store()
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // only read
	var kept, named, dropped, bytes uint64
	for began := time.Now(); time.Since(began) < settles; time.Sleep(200 * time.Millisecond) {
		err = store.QueryRow(ctx, `SELECT countIf(not_kept = 0), countIf(topic = 'roamclear.cdrs'), sum(not_kept) FROM messages`).Scan(&kept, &named, &dropped)
		if err != nil || int(kept+dropped) >= s.acknowledged {
			break
		}
	}
	if err != nil {
		return err
	}
	if err := store.QueryRow(ctx, `SELECT sum(bytes_on_disk) FROM system.parts WHERE table = 'messages' AND active AND database = currentDatabase()`).Scan(&bytes); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(o.Out, "\n%d CDRs were acknowledged where messages are kept: %d messages are kept, the bodies of %d are named, %d were not kept; %d bytes each on disk.\n",
		s.acknowledged, kept, named, dropped, bytes/max(kept, 1)); err != nil {
		return err
	}
	if int(kept) != s.acknowledged || named != kept || dropped != 0 {
		return errors.New("messages are missing")
	}
	return nil
}
