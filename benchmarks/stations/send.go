package stations

import (
	"context"
	"io"
	"net/http"
	"strings"
)

// sendBy sends a request with an OCPI token and reads the answer.
func (s *stand) sendBy(ctx context.Context, client *http.Client, method, path, token, body string) (status int, answer string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, s.service.URL+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Authorization", "Token "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}
