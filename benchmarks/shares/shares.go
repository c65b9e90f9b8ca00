// Package shares measures what one partner that opens very many connections
// costs the others: their rate, how long they wait, and who is turned away.
package shares

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/roamclear/roamclear/benchmarks/load"
	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
)

// Options say what is measured.
type Options struct {
	Binary string
	Dir    string // for data and log
	Light  int    // partners
	Each   int    // connections of each
	Pause  time.Duration
	Heavy  []int // connections of the one beside them, in turn
	During time.Duration
	Rounds int
	Out    io.Writer
}

// light is what the many partners got in one measurement.
type light struct {
	rate     int64 // of all
	p50, p99 time.Duration
	refused  int
}

// Run measures, without and with the heavy partner in turn, and writes Markdown.
func Run(ctx context.Context, o Options) (err error) {
	listen, err := process.FreeAddress()
	if err != nil {
		return err
	}
	service, err := process.Serve(filepath.Join(o.Dir, "log"), o.Binary, filepath.Join(o.Dir, "data"), listen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Kill()) }()
	within, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := service.Ready(within); err != nil {
		return err
	}
	s := &shares{Options: o, listen: listen, tokens: map[ocpi.Party]string{}}
	if err := s.partners(within, service); err != nil {
		return err
	}
	s.say("| heavy | light/s | light p50 | light p99 | light refused | heavy/s | heavy p99 | heavy otherwise |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
	found := map[int][]light{}
	for range o.Rounds {
		for _, heavy := range append([]int{0}, o.Heavy...) {
			l, err := s.measure(ctx, heavy)
			if err != nil {
				return err
			}
			found[heavy] = append(found[heavy], l)
		}
	}
	alone := median(found[0])
	for _, heavy := range o.Heavy {
		beside := median(found[heavy])
		s.say("\n%d connections beside: the others keep %d %% of their rate, p99 × %d.%02d, medians.", heavy,
			beside.rate*100/max(alone.rate, 1), beside.p99/alone.p99, beside.p99*100/alone.p99%100)
	}
	return s.failed
}

type shares struct {
	Options
	listen string
	tokens map[ocpi.Party]string
	failed error
}

func (s *shares) say(format string, args ...any) {
	_, err := fmt.Fprintf(s.Out, format+"\n", args...)
	s.failed = errors.Join(s.failed, err)
}

// party is the n-th CPO; 0 is the heavy one.
func party(n int) ocpi.Party { return ocpi.Party{Country: "GB", ID: fmt.Sprintf("P%02d", n)} }

func (s *shares) partners(ctx context.Context, service *process.Roamclear) error {
	emsp := world.Partner{Role: "EMSP", Party: ocpi.Party{Country: "NL", ID: "EXW"}, Name: "Example Works"}
	if _, err := service.AddPartner(ctx, emsp); err != nil {
		return err
	}
	for n := range s.Light + 1 {
		token, err := service.AddPartner(ctx, world.Partner{Role: "CPO", Party: party(n), Name: party(n).ID})
		if err != nil {
			return err
		}
		s.tokens[party(n)] = base64.StdEncoding.EncodeToString([]byte(token))
	}
	return nil
}

// push pushes a partner's CDRs for a while.
func (s *shares) push(ctx context.Context, n, connections int, pause time.Duration) (*load.Result, error) {
	p := party(n)
	body, err := load.Cut(p, []byte(strings.NewReplacer("@COUNTRY@", p.Country, "@PARTY@", p.ID).Replace(cdr)))
	if err != nil {
		return nil, err
	}
	return load.Run(ctx, load.Options{Addr: s.listen, Path: "/ocpi/2.2.1/receiver/cdrs", Tokens: s.tokens, Bodies: []load.Body{body},
		Run: fmt.Sprintf("%08x", rand.Uint32()), Connections: connections, Count: math.MaxInt32, During: s.During, Pause: pause})
}

// measure has all light partners push, and beside them the heavy one on so many
// connections.
func (s *shares) measure(ctx context.Context, heavy int) (light, error) {
	results, errs := make([]*load.Result, s.Light+1), make([]error, s.Light+1)
	var group sync.WaitGroup
	for n := range results {
		connections, pause := s.Each, s.Pause
		if n == 0 {
			connections, pause = heavy, 0
		}
		group.Go(func() { results[n], errs[n] = s.push(ctx, n, connections, pause) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return light{}, err
	}
	var l light
	var latency load.Histogram
	acknowledged := 0
	for _, r := range results[1:] {
		acknowledged += r.Acknowledged
		latency.Merge(&r.Latency)
		for _, n := range r.Status {
			l.refused += n
		}
	}
	l.rate = int64(acknowledged) * int64(time.Second) / int64(s.During)
	l.p50, l.p99 = latency.PerMille(500), latency.PerMille(990)
	h := results[0]
	s.say("| %d | %d | %s | %s | %d | %d | %s | %v |", heavy, l.rate, l.p50.Round(time.Millisecond), l.p99.Round(time.Millisecond), l.refused,
		h.Rate(), h.Latency.PerMille(990).Round(time.Millisecond), h.Status)
	return l, nil
}

// median is that by p99, with the median rate.
func median(all []light) light {
	rates, waits := make([]int64, len(all)), make([]time.Duration, len(all))
	for i, l := range all {
		rates[i], waits[i] = l.rate, l.p99
	}
	slices.Sort(rates)
	slices.Sort(waits)
	return light{rate: rates[len(rates)/2], p99: waits[len(waits)/2]}
}

// cdr is a CDR of some 1.5 KB with its tariff.
const cdr = `{"country_code":"@COUNTRY@","party_id":"@PARTY@","id":"x","start_date_time":"2025-01-05T10:00:00Z","end_date_time":"2025-01-05T11:00:00Z",` +
	`"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"012345678","type":"RFID","contract_id":"NL-EXW-C1"},"auth_method":"WHITELIST",` +
	`"cdr_location":{"id":"L1","address":"Greenmarket 1","city":"Dundee","postal_code":"DD1 4QB","country":"GBR","coordinates":{"latitude":"56.457000","longitude":"-2.970000"},` +
	`"evse_uid":"E1","evse_id":"GB*DUN*E1","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},` +
	`"currency":"GBP","tariffs":[{"country_code":"@COUNTRY@","party_id":"@PARTY@","id":"T1","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.45,"vat":20,"step_size":1}]}],` +
	`"last_updated":"2025-01-01T00:00:00Z"}],"charging_periods":[{"tariff_id":"T1","start_date_time":"2025-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":10},{"type":"TIME","volume":1}]}],` +
	`"total_cost":{"excl_vat":4.50,"incl_vat":5.40},"total_energy":10,"total_time":1,"last_updated":"2025-01-05T11:00:00Z"}`
