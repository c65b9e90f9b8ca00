package api

import (
	"net/http/httptest"
	"testing"
)

func TestFromThisMachine(t *testing.T) {
	tests := []struct {
		name, remote, host, header, proto string
		want                              bool
	}{
		{"a browser here", "127.0.0.1:40000", "localhost:8080", "", "HTTP/1.1", true},
		{"by number", "127.0.0.1:40000", "127.0.0.1:8080", "", "HTTP/1.1", true},
		{"by IPv6", "[::1]:40000", "[::1]:8080", "", "HTTP/2.0", true},
		{"without a port", "[::1]:40000", "[::1]", "", "HTTP/1.1", true},
		{"another machine", "192.0.2.7:40000", "localhost:8080", "", "HTTP/1.1", false},
		{"a name pointed here", "127.0.0.1:40000", "evil.example:8080", "", "HTTP/1.1", false},
		{"a proxy that keeps the name", "127.0.0.1:40000", "roam.example", "", "HTTP/1.1", false},
		{"a proxy that tells for whom", "127.0.0.1:40000", "127.0.0.1:8080", "X-Forwarded-For", "HTTP/1.1", false},
		{"a proxy that tells for whom, by the standard", "127.0.0.1:40000", "127.0.0.1:8080", "Forwarded", "HTTP/1.1", false},
		{"a proxy that tells how", "127.0.0.1:40000", "127.0.0.1:8080", "X-Forwarded-Proto", "HTTP/1.1", false},
		{"a proxy that tells it is one", "127.0.0.1:40000", "127.0.0.1:8080", "Via", "HTTP/1.1", false},
		{"a proxy in the manner of nginx", "127.0.0.1:40000", "127.0.0.1:8080", "X-Real-IP", "HTTP/1.1", false},
		{"a proxy as nginx is without settings", "127.0.0.1:40000", "127.0.0.1:8080", "", "HTTP/1.0", false},
		{"no address", "@", "localhost", "", "HTTP/1.1", false},
	}
	for _, tt := range tests {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.RemoteAddr, r.Host, r.Proto = tt.remote, tt.host, tt.proto
		r.ProtoMajor, r.ProtoMinor = int(tt.proto[5]-'0'), int(tt.proto[7]-'0')
		if tt.header != "" {
			r.Header.Set(tt.header, "192.0.2.7")
		}
		if got := FromThisMachine(r); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
