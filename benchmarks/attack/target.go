package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
)

// The partners of an attack.
var (
	attacker = world.Partner{Role: "CPO", Party: ocpi.Party{Country: "GB", ID: "ATT"}, Name: "Attacker"}
	other    = world.Partner{Role: "CPO", Party: ocpi.Party{Country: "GB", ID: "OTH"}, Name: "Other"}
	payer    = world.Partner{Role: "EMSP", Party: ocpi.Party{Country: "NL", ID: "PAY"}, Name: "Payer"}
)

// target is the service under attack.
type target struct {
	options    Options
	service    *process.Roamclear
	tokens     map[string]string // by name of the partner
	key        string
	client     *http.Client
	violations []string
}

func (t *target) violate(format string, args ...any) {
	t.violations = append(t.violations, fmt.Sprintf(format, args...))
}

// size is how much of an attack is carried out.
func (t *target) size(bounded, full int) int {
	if t.options.Full {
		return full
	}
	return bounded
}

func startTarget(ctx context.Context, a *Attack, o Options) (_ *target, err error) {
	data, log, err := o.paths()
	if err != nil {
		return nil, err
	}
	listen, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	t := &target{options: o, tokens: map[string]string{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}}
	if t.service, err = process.Serve(log, o.Binary, data, listen, a.serve...); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.service.Kill())
		}
	}()
	within, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := t.service.Ready(within); err != nil {
		return nil, err
	}
	for _, p := range []world.Partner{attacker, other, payer} {
		if t.tokens[p.Name], err = t.service.AddPartner(ctx, p); err != nil {
			return nil, err
		}
	}
	if t.key, err = t.service.AddKey(ctx); err != nil {
		return nil, err
	}
	return t, t.warm(ctx)
}

// warm has the service do a little of everything, so that what it needs for
// that is in the memory that an attack is held against.
func (t *target) warm(ctx context.Context) error {
	const n = 50
	id := func(i int) string { return fmt.Sprintf("warm-%d", i) }
	for i := range n {
		if _, err := t.must(ctx, &other, http.MethodPost, cdrsPath, smallCDR(&other, id(i))); err != nil {
			return err
		}
	}
	for i := range n {
		if err := t.visible(ctx, &other, id(i), time.Minute); err != nil {
			return err
		}
	}
	return nil
}

const cdrsPath = "/ocpi/2.2.1/receiver/cdrs"

// send sends a partner's request and returns the answer's status and body.
func (t *target) send(ctx context.Context, p *world.Partner, method, path string, body []byte) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, t.service.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Token "+t.tokens[p.Name])
	request.Header.Set("Content-Type", "application/json")
	return t.answer(request)
}

func (t *target) answer(request *http.Request) (int, []byte, error) {
	response, err := t.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	return response.StatusCode, answer, err
}

// must sends what has to be accepted.
func (t *target) must(ctx context.Context, p *world.Partner, method, path string, body []byte) ([]byte, error) {
	status, answer, err := t.send(ctx, p, method, path, body)
	if err == nil && (status/100 != 2 || !bytes.Contains(answer, []byte(`"status_code":1000`))) {
		err = fmt.Errorf("HTTP %d %.300s", status, answer)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s as %s: %w", method, path, p.Name, err)
	}
	return answer, nil
}

// has reports whether finance sees a CDR of a CPO, priced or rejected.
func (t *target) has(ctx context.Context, p *world.Partner, id string) (bool, error) {
	status, _, err := t.report(ctx, "cdrs/"+p.Party.Country+"/"+p.Party.ID+"/"+id)
	return status == http.StatusOK, err
}

// counted is how many CDRs of a CPO finance's report has in the months of the
// attacks' charges: a slow one takes five years.
func (t *target) counted(ctx context.Context, p *world.Partner) (n int, err error) {
	status, answer, err := t.report(ctx, "reports/settlement?"+url.Values{"from": {"2019-01"}, "to": {"2023-12"}, "cpo": {p.Party.String()}}.Encode())
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("report of %s: HTTP %d %.200s", p.Name, status, answer)
	}
	if err != nil {
		return 0, err
	}
	var page struct {
		Rows []struct {
			CDRs int `json:"cdr_count"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(answer, &page); err != nil {
		return 0, fmt.Errorf("report of %s: %.200s: %w", p.Name, answer, err)
	}
	for _, r := range page.Rows {
		n += r.CDRs
	}
	return n, nil
}

// report asks the reporting API.
func (t *target) report(ctx context.Context, path string) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.service.URL+"/api/v1/"+path, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+t.key)
	return t.answer(request)
}

// visible waits until finance sees a CDR.
func (t *target) visible(ctx context.Context, p *world.Partner, id string, limit time.Duration) error {
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		seen, err := t.has(within, p, id)
		if seen {
			return nil
		}
		if !pause(within, 20*time.Millisecond) {
			return fmt.Errorf("CDR %s of %s is not visible after %s (%w)", id, p.Name, limit, err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
