package partner

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

func TestWhichURLsAreCalled(t *testing.T) {
	for _, c := range []struct {
		url             string
		public, private bool // with AllowPrivate false, true
	}{
		{"https://cpo.example/ocpi/versions", true, true},
		{"HTTPS://cpo.example:8443/ocpi/versions?x=1#here", true, true},
		{"http://cpo.example/ocpi/versions", false, true}, // and then only where it is private
		{"https://user:secret@cpo.example/", false, false},
		{"ftp://cpo.example/", false, false},
		{"file:///etc/passwd", false, false},
		{"gopher://127.0.0.1:25/", false, false},
		{"//cpo.example/ocpi", false, false},
		{"https:///versions", false, false},
		{"https://:443/versions", false, false},
		{"cpo.example/versions", false, false},
		{"https://cpo.example/\x00", false, false},
		{"https://cpo.example/" + strings.Repeat("a", maxURL), false, false},
		{"", false, false},
	} {
		for allow, want := range map[bool]bool{false: c.public, true: c.private} {
			u, err := Policy{AllowPrivate: allow}.Check(c.url)
			if (err == nil) != want || err != nil && !errors.Is(err, ErrForbiddenURL) {
				t.Errorf("%q with private %v: %v", c.url, allow, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: the error shows what stands in the URL: %v", c.url, err)
			}
			if err == nil && u.Fragment != "" {
				t.Errorf("%q: its fragment is sent", c.url)
			}
		}
	}
}

func TestWhichAddressesAreCalled(t *testing.T) {
	const no, secure, plainToo = "", "https", "https http" // by which schemes
	for _, c := range []struct{ address, public, private string }{
		{"93.184.216.34", secure, secure},
		{"2606:2800:220:1:248:1893:25c8:1946", secure, secure},
		{"64:ff9b::5db8:d822", secure, secure}, // 93.184.216.34 by way of NAT64
		{"127.0.0.1", no, plainToo},
		{"127.8.9.1", no, plainToo},
		{"::1", no, plainToo},
		{"::ffff:127.0.0.1", no, plainToo},
		{"64:ff9b::7f00:1", no, plainToo},
		{"10.1.2.3", no, plainToo},
		{"172.16.0.1", no, plainToo},
		{"172.32.0.1", secure, secure},
		{"192.168.1.1", no, plainToo},
		{"::ffff:192.168.1.1", no, plainToo},
		{"169.254.169.254", no, plainToo},
		{"100.64.0.1", no, plainToo},
		{"fe80::1", no, plainToo},
		{"fd00::1", no, plainToo},
		{"fec0::1", no, plainToo},
		{"2002:7f00:1::", no, plainToo},
		{"::7f00:1", no, plainToo},
		{"::ffff:0:7f00:1", no, plainToo},
		{"0.0.0.0", no, no},
		{"::", no, no},
		{"224.0.0.1", no, no},
		{"ff02::1", no, no},
		{"255.255.255.255", no, no},
	} {
		for allow, want := range map[bool]string{false: c.public, true: c.private} {
			for _, scheme := range []string{"https", "http"} {
				err := Policy{AllowPrivate: allow}.permits(scheme, netip.MustParseAddr(c.address))
				if (err == nil) != strings.Contains(want+" ", scheme+" ") {
					t.Errorf("%s to %s with private %v: %v", scheme, c.address, allow, err)
				}
			}
		}
	}
	if (Policy{}).permits("https", netip.Addr{}) == nil {
		t.Error("no address at all is called")
	}
}

// A name may stand for a public address when it is looked at and for one of ours
// when it is called: what counts is where the connection goes.
func TestANameThatStandsForAnAddressOfOurs(t *testing.T) {
	var met atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		met.Add(1)
		_, _ = w.Write([]byte(`{"data":[],"status_code":1000}`))
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resolver := names(t, [4]byte{127, 0, 0, 1})
	for _, c := range []struct {
		scheme string
		allow  bool
		met    int32
	}{{"https", false, 0}, {"http", false, 0}, {"http", true, 1}} {
		met.Store(0)
		d := newDialer(Policy{AllowPrivate: c.allow}, resolver)
		_, _, err := d.do(t.Context(), login{token: "secret-token", version: ocpi.V221},
			call{method: http.MethodGet, url: c.scheme + "://rebound.example:" + u.Port() + "/versions"})
		if met.Load() != c.met || (c.met == 0) != errors.Is(err, ErrForbiddenURL) {
			t.Errorf("%s with private %v: %d requests came, %v", c.scheme, c.allow, met.Load(), err)
		}
		if err != nil && strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("the error says what the name stands for: %v", err)
		}
		d.Close()
	}
}

// names is a resolver by which every name stands for an address.
func names(t *testing.T, address [4]byte) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return // closed
			}
			_, _ = server.WriteTo(dnsAnswer(b[:n], address), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// dnsAnswer answers a query of one name (RFC 1035): an A with the address, of
// other kinds there is none.
func dnsAnswer(query []byte, address [4]byte) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5
	answer := append([]byte(nil), query[:end]...)
	answer[2], answer[3] = 0x81, 0x80 // an answer, without error
	copy(answer[6:12], make([]byte, 6))
	if kind := query[end-3]; kind == 1 {
		answer[7] = 1
		answer = append(answer, 0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		answer = append(answer, address[:]...)
	}
	return answer
}
