package charging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/roamclear/roamclear/benchmarks/drive"
	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
)

// keyConnections is how many requests of one API key are worked on at once: its share of
// the 64 places that callers of /api/v1 have.
const keyConnections = 16

// evsesEach is how many EVSEs a Location has, each with one connector: as many in all as
// there are charges.
const evsesEach = 10

var (
	cpo  = ocpi.NewParty("NL", "TNC")
	emsp = ocpi.NewParty("DE", "EMP")
)

// stand is the service under measurement with the CPO beside it.
type stand struct {
	Options
	service *process.Roamclear
	cpo     *peer.Peer
	stopCPO func() error
	starter string // API key of who starts charges,
	looker  string // and of who looks at them
	client  *http.Client
	places  int // Locations
	failed  error

	mu  sync.Mutex // guards ids
	ids []string   // of charges that were started
}

// start starts the service, and the CPO that tells it its Locations.
func (s *stand) start(ctx context.Context) (err error) {
	s.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * s.Connections, DisableCompression: true}}
	listen, err := process.FreeAddress()
	if err != nil {
		return err
	}
	if s.service, err = process.Serve(filepath.Join(s.Dir, "log"), s.Binary, s.dataDir(), listen, "--partner_urls.allow_private"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	within, cancel := context.WithTimeout(ctx, settles)
	defer cancel()
	if err := s.service.Ready(within); err != nil {
		return err
	}
	if _, err := s.service.AddPartner(ctx, world.Partner{Role: "EMSP", Party: emsp, Name: "Example"}); err != nil {
		return err
	}
	for _, key := range []*string{&s.starter, &s.looker} {
		if *key, err = s.service.Run(ctx, "key", "add", "--scope", "app", "--party", emsp.Country+"/"+emsp.ID); err != nil {
			return err
		}
	}
	if s.cpo, err = peer.New(peer.Options{Role: peer.CPO, Party: cpo, Version: ocpi.V221}); err != nil {
		return err
	}
	if s.stopCPO, err = s.cpo.Listen(); err != nil {
		return err
	}
	s.cpo.Do("START_SESSION", peer.Plan{Charge: true})
	if _, err := s.service.Run(ctx, "partner", "connect", s.cpo.VersionsURL(), "--token", s.cpo.TokenA(), "--role", "CPO"); err != nil {
		return err
	}
	if _, err := s.service.Run(ctx, "partner", "pull", "--country", cpo.Country, "--party", cpo.ID); err != nil {
		return err
	}
	s.places = (s.Stored[len(s.Stored)-1] + evsesEach - 1) / evsesEach
	return drive.Count(ctx, s.Connections, s.places, s.place).Err()
}

func (s *stand) stop() error {
	if s.stopCPO == nil {
		return s.service.Kill()
	}
	s.client.CloseIdleConnections()
	return errors.Join(s.service.Kill(), s.stopCPO())
}

// charges is how many were started.
func (s *stand) charges() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ids)
}

// place pushes the n-th Location.
func (s *stand) place(ctx context.Context, n int) string {
	id := fmt.Sprintf("L%d", n)
	var evses []string
	for i := range evsesEach {
		evses = append(evses, fmt.Sprintf(`{"uid":"%[1]s-%[2]d","evse_id":"NL*TNC*E%[1]s*%[2]d","status":"AVAILABLE","capabilities":["REMOTE_START_STOP_CAPABLE"],"connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET",`+
			`"power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":32,"tariff_ids":["TNC-T1"],"last_updated":"2025-01-01T00:00:00Z"}],"last_updated":"2025-01-01T00:00:00Z"}`, id, i))
	}
	body := fmt.Sprintf(`{"country_code":"NL","party_id":"TNC","id":%q,"publish":true,"name":"Station %s","address":"Main Street 1","city":"Utrecht","postal_code":"3511","country":"NLD",`+
		`"coordinates":{"latitude":"52.%06d","longitude":"5.120000"},"time_zone":"Europe/Amsterdam","evses":[%s],"last_updated":"2025-01-01T00:00:00Z"}`, id, id, n, strings.Join(evses, ","))
	err := s.cpo.Call(ctx, http.MethodPut, "locations", ocpi.RoleReceiver, "/NL/TNC/"+id, json.RawMessage(body), nil)
	return failure(err)
}

func failure(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()[:min(len(err.Error()), 120)]
}

// begin starts the next charge, as an app does.
func (s *stand) begin(ctx context.Context, _ int) string {
	n := s.charges()
	place := fmt.Sprintf("L%d", n/evsesEach%s.places)
	body := fmt.Sprintf(`{"location":{"country_code":"NL","party_id":"TNC","location_id":%q},"evse_uid":"%s-%d","connector_id":"1","token":{"uid":"APP-%d","type":"APP_USER","contract_id":"DE-EMP-C%08d-X"}}`,
		place, place, n%evsesEach, n, n)
	var started struct{ ID string }
	if why := s.send(ctx, s.starter, http.MethodPost, "/api/v1/sessions", body, http.StatusAccepted, &started); why != "" {
		return why
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = append(s.ids, started.ID)
	return ""
}

// update has the CPO push the Session of its n-th charge, the first is 1.
func (s *stand) update(ctx context.Context, n int) string {
	id := fmt.Sprintf("%s-R%d", cpo.ID, n)
	seconds, ok := s.cpo.Lasted(id)
	if !ok {
		return "no such charge"
	}
	return failure(s.cpo.Deliver(ctx, id, fmt.Sprintf("%d.%03d", seconds/100, seconds%100), seconds))
}

// look reads a charge that was started, and holds that its Session is known.
func (s *stand) look(ctx context.Context, n int) string {
	s.mu.Lock()
	id := s.ids[n]
	s.mu.Unlock()
	var charge struct {
		State string
		Price *struct{ Status string }
	}
	if why := s.send(ctx, s.looker, http.MethodGet, "/api/v1/sessions/"+id, "", http.StatusOK, &charge); why != "" {
		return why
	}
	if charge.State != "active" || charge.Price == nil || charge.Price.Status != "running" {
		return "it is " + charge.State
	}
	return ""
}

// empty asks a handler that does nothing.
func (s *stand) empty(ctx context.Context, _ int) string {
	return s.send(ctx, s.looker, http.MethodGet, "/healthz", "", http.StatusOK, nil)
}

// send sends a request with a key and reads the answer into data, unless that is nil.
func (s *stand) send(ctx context.Context, key, method, path, body string, want int, data any) string {
	r, err := http.NewRequestWithContext(ctx, method, s.service.URL+path, strings.NewReader(body))
	if err != nil {
		return failure(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(r)
	if err != nil {
		return "no answer"
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		return fmt.Sprintf("HTTP %d %s", resp.StatusCode, bytes.TrimSpace(answer[:min(len(answer), 100)]))
	}
	if data == nil {
		return ""
	}
	return failure(json.Unmarshal(answer, data))
}
