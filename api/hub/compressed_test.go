package hub

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/apitest"
	"golang.org/x/sync/errgroup"
)

// Answers that are held back until they are whole have their own headers, whatever else is
// answered meanwhile.
func TestCompressedAnswersHaveTheirOwnHeaders(t *testing.T) {
	s := apitest.Serve(t, api.Compressed(newWhole(t, nil).engine), 0)
	var group errgroup.Group
	for client := range 8 {
		group.Go(func() error {
			for n := range 50 {
				for _, method := range []string{http.MethodGet, http.MethodPatch} {
					r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Address+"/ocpi/2.2.1/receiver/sessions/GB/DUN/S1", strings.NewReader("{}"))
					if err != nil {
						return err
					}
					id := fmt.Sprintf("%s-%d-%d", method, client, n)
					r.Header.Set("Authorization", "Token "+dundeeToken)
					r.Header.Set("X-Correlation-ID", id)
					resp, err := http.DefaultClient.Do(r)
					if err != nil {
						return err
					}
					_, err = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					if err != nil || resp.Header.Get("X-Correlation-ID") != id || len(resp.Header.Get("X-Request-ID")) < 20 || resp.Header.Get("Content-Type") != "application/json" {
						return fmt.Errorf("%s: %v, %w", id, resp.Header, err)
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}
