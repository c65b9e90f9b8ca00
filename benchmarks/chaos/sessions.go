package chaos

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/roamclear/roamclear/benchmarks/world"
)

// maxSessionsRead is how many Sessions are read back at the end.
const maxSessionsRead = 500

// sessions are the Sessions that were pushed, by path.
type sessions map[string]*pushed

// pushed is what of a Session was acknowledged.
type pushed struct {
	party     string
	periods   int  // appended by PATCHes, each once however often it was pushed
	completed bool // the last PATCH was acknowledged
}

// accept remembers a PUT or PATCH that was acknowledged.
func (s sessions) accept(i *world.Item) {
	p := s[i.Path]
	if p == nil {
		p = &pushed{party: i.Sender.String()}
		s[i.Path] = p
	}
	if i.Method == http.MethodPatch {
		p.periods += bytes.Count(i.Body, []byte(`"start_date_time"`)) // a PATCH has none but its periods'
		p.completed = p.completed || bytes.Contains(i.Body, []byte(`"COMPLETED"`))
	}
}

// compareSessions reads Sessions back as their CPO would: each must be
// completed and have every period once. It returns how many it read.
func (p *partners) compareSessions(ctx context.Context, r *Result) (int, error) {
	read := 0
	for path, want := range p.sessions { // in Go's random order: a sample
		if !want.completed {
			continue
		}
		if read == maxSessionsRead {
			break
		}
		read++
		var answer struct {
			Data struct {
				Status  string
				Periods []json.RawMessage `json:"charging_periods"`
			}
			Code int `json:"status_code"`
		}
		status, err := p.session(ctx, path, want.party, &answer)
		if err != nil {
			return read, err
		}
		if status != http.StatusOK || answer.Data.Status != "COMPLETED" || len(answer.Data.Periods) != want.periods {
			r.violate("session %s: HTTP %d, OCPI %d, %q with %d periods; acknowledged were COMPLETED and %d", path, status, answer.Code, answer.Data.Status, len(answer.Data.Periods), want.periods)
		}
	}
	return read, nil
}

// session is a GET on the receiving interface.
func (p *partners) session(ctx context.Context, path, party string, into any) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/ocpi/2.2.1/receiver/sessions/"+path, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Token "+base64.StdEncoding.EncodeToString([]byte(p.tokens[party])))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("get session %s: %w", path, err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return response.StatusCode, fmt.Errorf("read session %s: %w", path, err)
	}
	return response.StatusCode, nil
}
