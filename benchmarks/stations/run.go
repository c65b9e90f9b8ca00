package stations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/benchmarks/drive"
	"github.com/roamclear/roamclear/benchmarks/owned"
	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
)

// Options say what is measured.
type Options struct {
	Binary      string
	Dir         string // for data and log
	Charges     string // gzipped CSV of real charges; "" = the extract
	EVSEs       []int  // in all, one measurement each
	Each        int    // EVSEs of a Location
	Tokens      int    // that are stored beside them,
	Tariffs     int    // and Tariffs
	Connections int
	Rounds      int           // of measurements,
	During      time.Duration // each of which takes so long
	Out         io.Writer
}

// Run measures. What it finds is written to o.Out as Markdown.
func Run(ctx context.Context, o Options) error {
	source, err := world.Open(o.Charges)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // only read
	sites, err := world.Stations(source)
	if err != nil {
		return err
	}
	s := &stand{Options: o}
	s.say("%d real stations, %d cores, %s.\n", len(sites), runtime.NumCPU(), runtime.Version())
	for i, n := range o.EVSEs {
		if err := s.measure(ctx, i, sites, n); err != nil {
			return err
		}
	}
	return s.failed
}

type stand struct {
	Options
	service *process.Roamclear
	token   string // of an eMSP
	failed  error
}

func (s *stand) say(format string, args ...any) {
	_, err := fmt.Fprintf(s.Out, format+"\n", args...)
	s.failed = errors.Join(s.failed, err)
}

const tariff = `{"country_code":"GB","party_id":"DUN","id":"P1","currency":"GBP","type":"REGULAR","elements":[{"price_components":[{"type":"ENERGY","price":0.45,"vat":20,"step_size":1}],` +
	`"restrictions":{"start_time":"08:00","end_time":"20:00"}},{"price_components":[{"type":"ENERGY","price":0.35,"vat":20,"step_size":1}]}],"last_updated":"2025-01-01T00:00:00Z"}`

// measure measures a service that has so many EVSEs.
func (s *stand) measure(ctx context.Context, run int, sites []world.Station, evses int) (err error) {
	all := locations(sites, evses, s.Each)
	data := filepath.Join(s.Dir, fmt.Sprintf("data-%d", run))
	if err := s.start(ctx, data); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.service.Kill()) }()
	if err := s.prepare(ctx, all); err != nil {
		return err
	}
	if err := s.service.Stop(time.Minute); err != nil {
		return err
	}
	began := time.Now()
	if err := s.start(ctx, data); err != nil {
		return err
	}
	ready := time.Since(began)
	if err := s.whole(ctx); err != nil {
		return err
	}
	found := time.Since(began)
	if err := drive.Quiet(ctx, s.service.Pid(), 5*time.Minute); err != nil {
		return err
	}
	resident, peak, err := process.Memory(s.service.Pid())
	if err != nil {
		return err
	}
	s.say("## %d EVSEs at %d Locations, beside %d Tokens and %d Tariffs\n\nReady after %s, all found after %s; when all is read %d MB resident, %d MB at most.\n", evses, len(all), s.Tokens, s.Tariffs, ready.Round(10*time.Millisecond),
		found.Round(10*time.Millisecond), resident>>20, peak>>20)
	if err := s.searches(ctx, sites, all); err != nil {
		return err
	}
	if resident, peak, err = process.Memory(s.service.Pid()); err != nil {
		return err
	}
	s.say("\nAfterwards %d MB resident, %d MB at most.\n", resident>>20, peak>>20)
	return s.failed
}

// start starts the service on its data.
func (s *stand) start(ctx context.Context, data string) error {
	listen, err := process.FreeAddress()
	if err != nil {
		return err
	}
	if s.service, err = process.Serve(filepath.Join(s.Dir, "log"), s.Binary, data, listen); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	return s.service.Ready(within)
}

// prepare makes the partners, their tariff, and the Locations.
func (s *stand) prepare(ctx context.Context, all []location) error {
	cpo, err := s.service.AddPartner(ctx, world.Partner{Role: "CPO", Party: ocpi.Party{Country: "GB", ID: "DUN"}, Name: "Dundee"})
	if err != nil {
		return err
	}
	if s.token, err = s.service.AddPartner(ctx, world.Partner{Role: "EMSP", Party: ocpi.Party{Country: "NL", ID: "EXW"}, Name: "Example Works"}); err != nil {
		return err
	}
	status, answer, err := s.send(ctx, http.MethodPut, "/ocpi/2.2.1/receiver/tariffs/GB/DUN/P1", cpo, tariff)
	if err != nil || status/100 != 2 {
		return fmt.Errorf("put the tariff: HTTP %d %s: %w", status, answer, err)
	}
	if err := owned.Fill(ctx, s.service, s.Tokens, s.Tariffs); err != nil {
		return err
	}
	return seed(ctx, s.service, all)
}

// whole waits until the service finds all Locations.
func (s *stand) whole(ctx context.Context) error {
	for {
		status, answer, err := s.send(ctx, http.MethodGet, "/api/v1/locations?limit=1", s.token, "")
		if err != nil || status != http.StatusServiceUnavailable && status != http.StatusOK {
			return fmt.Errorf("search: HTTP %d %s: %w", status, answer, err)
		}
		if status == http.StatusOK {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// place draws where is searched: at a real station, or up to a kilometre from it.
func place(random *rand.Rand, sites []world.Station) (lat, lon float64) {
	at := &sites[random.IntN(len(sites))]
	return float64(at.Latitude+int64(random.IntN(20_000))-10_000) / 1e6, float64(at.Longitude+int64(random.IntN(20_000))-10_000) / 1e6
}

// searches measures each kind of search, once the service finds what a look at every
// Location finds: in rounds, each beside the others, so that neighbours hit all of them.
func (s *stand) searches(ctx context.Context, sites []world.Station, all []location) error {
	random := rand.New(rand.NewPCG(1, 10))
	for i := range searches {
		for range 20 {
			lat, lon := place(random, sites)
			if err := s.same(ctx, &searches[i], all, lat, lon); err != nil {
				return err
			}
		}
	}
	var floors []time.Duration
	with, without := make([][]time.Duration, len(searches)), make([][]time.Duration, len(searches))
	for round := range s.Rounds {
		floor, err := s.perRequest(ctx, func(*rand.Rand) string { return "/healthz" })
		if err != nil {
			return err
		}
		floors = append(floors, floor)
		for i := range searches {
			a := &searches[(i+round)%len(searches)]
			each, err := s.perRequest(ctx, func(r *rand.Rand) string { return a.path(place(r, sites)) })
			if err != nil {
				return err
			}
			at := (i + round) % len(searches)
			with[at], without[at] = append(with[at], each), append(without[at], bruteTime(a, sites, all, s.During/2))
		}
	}
	floor := slices.Min(floors)
	s.say("| search | CPU a request, least, median | without an index | of that | floor: empty handler |\n| --- | --- | --- | --- | --- |")
	for i := range searches {
		each, scan := slices.Min(with[i]), slices.Min(without[i])+floor
		medianEach, medianScan := median(with[i]), median(without[i])+median(floors)
		s.say("| %s | %s, %s | %s, %s | 1/%d, 1/%d | %s |", searches[i].name, each.Round(time.Microsecond), medianEach.Round(time.Microsecond), scan.Round(10*time.Microsecond),
			medianScan.Round(10*time.Microsecond), scan/max(each, 1), medianScan/max(medianEach, 1), floor.Round(time.Microsecond))
	}
	decoding, err := decodeTime(all)
	if err != nil {
		return err
	}
	s.say("\nDecoding the bodies of all Locations, as a service would that has no index at all, takes %s a request.", decoding.Round(time.Millisecond))
	return s.failed
}

func median(list []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// same holds a page against a look at every Location.
func (s *stand) same(ctx context.Context, a *asked, all []location, lat, lon float64) error {
	status, answer, err := s.send(ctx, http.MethodGet, a.path(lat, lon), s.token, "")
	if err != nil {
		return err
	}
	var got struct {
		Data []struct {
			ID     string `json:"location_id"`
			Metres int    `json:"distance_m"`
		}
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status != http.StatusOK {
		return fmt.Errorf("search %s: HTTP %d %s: %w", a.name, status, answer, err)
	}
	var hits []found
	for _, l := range got.Data {
		hits = append(hits, found{l.Metres, l.ID})
	}
	if want := a.brute(all, lat, lon); !slices.Equal(hits, want) {
		return fmt.Errorf("search %s at %f, %f finds %v, want %v", a.name, lat, lon, hits, want)
	}
	return nil
}

// perRequest is the processor time of the service for each of many requests.
func (s *stand) perRequest(ctx context.Context, path func(*rand.Rand) string) (time.Duration, error) {
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: s.Connections, DisableCompression: true}}
	defer client.CloseIdleConnections()
	do := func(ctx context.Context, n int) string {
		status, _, err := s.sendBy(ctx, client, http.MethodGet, path(rand.New(rand.NewPCG(uint64(n), 7))), s.token, "")
		switch {
		case err != nil:
			return "no answer"
		case status != http.StatusOK:
			return fmt.Sprintf("HTTP %d", status)
		}
		return ""
	}
	if err := drive.Closed(ctx, s.Connections, s.During/4, do).Err(); err != nil { // warm
		return 0, err
	}
	each, err := drive.Cost(ctx, s.service.Pid(), s.Connections, s.During, do)
	return each.Service, err
}

// bruteTime is the processor time of a query that looks at every Location.
func bruteTime(a *asked, sites []world.Station, all []location, during time.Duration) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	random, n := rand.New(rand.NewPCG(0, 7)), 0
	began, before := time.Now(), threadTime()
	for time.Since(began) < during || n == 0 {
		lat, lon := place(random, sites)
		a.brute(all, lat, lon)
		n++
	}
	return (threadTime() - before) / time.Duration(n)
}

// decoded is how many Locations decodeTime decodes.
const decoded = 5_000

// decodeTime is the processor time of decoding the bodies of all Locations, from that of
// some.
func decodeTime(all []location) (time.Duration, error) {
	bodies := make([][]byte, min(decoded, len(all)))
	for i := range bodies {
		bodies[i] = []byte(all[i].body())
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var d ocpi.Decoder
	before := threadTime()
	for _, body := range bodies {
		if _, err := d.Location(ocpi.V221, body); err != nil {
			return 0, err
		}
	}
	return (threadTime() - before) * time.Duration(len(all)) / time.Duration(len(bodies)), nil
}

// threadTime is the processor time of this thread.
func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		panic(err) // Linux has it
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (s *stand) send(ctx context.Context, method, path, token, body string) (status int, answer string, err error) {
	return s.sendBy(ctx, http.DefaultClient, method, path, token, body)
}
