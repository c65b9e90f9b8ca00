package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// echoIntake takes the body for the id and refuses every third.
type echoIntake struct{ Intake }

func (echoIntake) CDR(_ context.Context, _ ingest.Sender, _ ocpi.Version, body []byte) (ingest.Receipt, error) {
	id := string(body)
	var n int
	if _, err := fmt.Sscanf(id, "ID-%d-", &n); err != nil {
		return ingest.Receipt{}, &ocpi.SyntaxError{Reason: id}
	}
	if n%3 == 0 {
		return ingest.Receipt{}, &ocpi.Invalid{Fields: []ocpi.FieldError{{Path: id, Reason: "refused"}}}
	}
	return ingest.Receipt{Key: ocpi.NewKey("GB", "DUN", id), Position: ingest.Position{Offset: int64(n)}, Created: true}, nil
}

// Exchanges are used again: over real connections, no answer may hold
// anything of another's, in its headers or in its body.
func TestAnswersDoNotMix(t *testing.T) {
	srv := httptest.NewServer(serve(t, &backend{}, func(d *Deps) { d.Intake = echoIntake{} }))
	defer srv.Close()
	const clients, pushes = 16, 60
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for i := range pushes {
				n := client*pushes + i
				if err := pushOne(t.Context(), &http.Client{Transport: transport}, srv.URL, n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func pushOne(ctx context.Context, client *http.Client, url string, n int) error {
	id := fmt.Sprintf("ID-%d-%s", n, strings.Repeat("X", n%500))
	var body io.Reader = strings.NewReader(id)
	if n%2 == 0 {
		body = io.MultiReader(body) // hides the length: sent in chunks
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/ocpi/2.2.1/receiver/cdrs", body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Token "+dundeeToken)
	req.Header.Set("X-Request-ID", "request "+id)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var e envelope
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
		return fmt.Errorf("push %s: %w", id, err)
	}
	location, receipt, message := url+"/ocpi/2.2.1/receiver/cdrs/GB/DUN/"+id, fmt.Sprintf("0-0-%d", n), "Success"
	if n%3 == 0 {
		location, receipt, message = "", "", id+": refused"
	}
	got := [4]string{resp.Header.Get("Location"), resp.Header.Get("X-Roamclear-Receipt"), resp.Header.Get("X-Request-ID"), e.StatusMessage}
	if want := [4]string{location, receipt, "request " + id, message}; got != want {
		return fmt.Errorf("push %s: got %q, want %q", id, got, want)
	}
	return nil
}
