package owned

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/roamclear/roamclear/benchmarks/drive"
)

// few is how many Sessions a small store has.
const few = 10_000

// Run measures. What it finds is written to o.Out as Markdown.
func Run(ctx context.Context, o Options) (err error) {
	s := &stand{Options: o}
	if _, err := s.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.failed, s.service.Kill()) }()
	if err := s.partners(ctx); err != nil {
		return err
	}
	s.say("| store | what | rate, p50, p99 |\n| --- | --- | --- |")
	if err := s.pushes(ctx, few); err != nil {
		return err
	}
	if err := s.seed(ctx, tokens(o.Tokens), locations(o.Locations), tariffs(o.Tariffs)); err != nil {
		return err
	}
	if err := s.pushes(ctx, o.Sessions); err != nil {
		return err
	}
	s.say("")
	if err := s.starts(ctx); err != nil {
		return err
	}
	if o.Versions > 0 {
		return s.versions(ctx)
	}
	return nil
}

// pushes measures PUTs and PATCHes where so many Sessions are stored.
func (s *stand) pushes(ctx context.Context, stored int) error {
	if err := s.seed(ctx, sessions(stored)); err != nil {
		return err
	}
	if _, err := s.restart(ctx); err != nil {
		return err
	}
	if err := drive.Quiet(ctx, s.service.Pid(), readyWithin); err != nil {
		return err
	}
	ids, err := s.someIDs(ctx, "session")
	if err != nil {
		return err
	}
	d := newDriver(s.service.URL, s.Connections)
	defer d.close()
	run := rand.Uint32()
	rates := map[string][]int64{}
	for range 3 { // each beside the others, so that neighbours hit all of them
		for _, m := range []struct {
			name string
			next func(n int) request
		}{
			{"Token PUT, new", func(n int) request {
				id := fmt.Sprintf("N%x-%x", run, rand.Uint64())
				return request{http.MethodPut, "/ocpi/2.2.1/receiver/tokens/NL/EXW/" + id, s.empKey, named(tokenBody, id)}
			}},
			{"Session PUT, new", func(n int) request {
				id := fmt.Sprintf("N%x-%x", run, rand.Uint64())
				return request{http.MethodPut, sessionsPath + id, s.cpoKey, named(sessionBody, id)}
			}},
			{"Session PUT, one that is stored", func(n int) request {
				id := ids[rand.IntN(len(ids))]
				return request{http.MethodPut, sessionsPath + id, s.cpoKey, named(sessionBody, id)}
			}},
			{"Session PATCH, one that is stored", func(n int) request {
				id := ids[rand.IntN(len(ids))]
				return request{http.MethodPatch, sessionsPath + id, s.cpoKey, []byte(sessionPatch)}
			}},
		} {
			r := d.closed(ctx, s.Connections, s.During, m.next)
			rates[m.name] = append(rates[m.name], r.Rate())
			s.say("| %d Sessions | %s | %s |", stored, m.name, r)
		}
	}
	token := median(rates["Token PUT, new"])
	for _, name := range []string{"Session PUT, new", "Session PUT, one that is stored", "Session PATCH, one that is stored"} {
		s.say("| %d Sessions | %s | %d %% of the Token's rate, medians |", stored, name, median(rates[name])*100/max(token, 1))
	}
	return s.failed
}

const sessionsPath = "/ocpi/2.2.1/receiver/sessions/GB/DUN/"

func median(v []int64) int64 {
	a, b, c := v[0], v[1], v[2]
	return max(min(a, b), min(max(a, b), c))
}

// someIDs returns ids of stored objects of a kind.
func (s *stand) someIDs(ctx context.Context, kind string) (ids []string, err error) {
	store, err := s.service.Store()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	rows, err := store.Query(ctx, "SELECT id FROM objects WHERE object = ? AND sender = 'seed' ORDER BY cityHash64(id) LIMIT 100000", kind)
	if err != nil {
		return nil, fmt.Errorf("read ids: %w", err)
	}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, errors.Join(rows.Err(), rows.Close())
}

// starts measures the start with all of it, its memory, and look-ups.
func (s *stand) starts(ctx context.Context) error {
	s.say("%d Tokens, %d Locations, %d Tariffs, %d Sessions:\n", s.Tokens, s.Locations, s.Tariffs, s.Sessions)
	for range 3 {
		took, err := s.restart(ctx)
		if err != nil {
			return err
		}
		s.say("- start to ready %s, %s: %s", took.Round(10*time.Millisecond), s.cpu(), s.memory())
	}
	if err := s.lookUps(ctx, "at once after the start"); err != nil {
		return err
	}
	if err := drive.Quiet(ctx, s.service.Pid(), readyWithin); err != nil {
		return err
	}
	s.say("- all read: %s, %s", s.memory(), s.engine())
	if err := s.lookUps(ctx, "then"); err != nil {
		return err
	}
	d := newDriver(s.service.URL, s.Connections)
	defer d.close()
	r := d.closed(ctx, s.Connections, 2*s.During, func(int) request {
		id := fmt.Sprintf("M%x", rand.Uint64())
		return request{http.MethodPut, "/ocpi/2.2.1/receiver/tokens/NL/EXW/" + id, s.empKey, named(tokenBody, id)}
	})
	s.say("- Token PUT %s: %s", r, s.memory())
	return s.failed
}

// lookUps reads random objects, 1,000 a second.
func (s *stand) lookUps(ctx context.Context, when string) error {
	var paths []request
	for _, kind := range []struct{ name, path, key string }{
		{"token", "/ocpi/2.2.1/receiver/tokens/NL/EXW/", s.empKey},
		{"location", "/ocpi/2.2.1/receiver/locations/GB/DUN/", s.cpoKey},
		{"tariff", "/ocpi/2.2.1/receiver/tariffs/GB/DUN/", s.cpoKey},
	} {
		ids, err := s.someIDs(ctx, kind.name)
		if err != nil {
			return err
		}
		for _, id := range ids {
			paths = append(paths, request{method: http.MethodGet, path: kind.path + id, token: kind.key})
		}
	}
	d := newDriver(s.service.URL, s.Connections)
	defer d.close()
	r := drive.Open(ctx, s.Connections, 1000, s.During, func(ctx context.Context, _ int) string { return d.send(ctx, paths[rand.IntN(len(paths))]) })
	s.say("- 1,000 random look-ups a second of Tokens, Locations, Tariffs, %s: %s; %s", when, r, s.memory())
	return s.failed
}
