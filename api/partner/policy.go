package partner

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/api"
)

// DefaultTimeout is how long one request to a partner may take where a Policy
// does not say.
const DefaultTimeout = 30 * time.Second

// maxURL bounds a partner's URL, in bytes. OCPI's own bound of 255 is exceeded
// by links of lists.
const maxURL = 4 << 10

// ErrForbiddenURL says that a URL is not one that is called, see [Policy].
var ErrForbiddenURL = errors.New("this URL is not called")

// Policy says which URLs of partners are called, and how long a request to one
// may take, from the look-up of its name to the last byte of the answer.
type Policy struct {
	// AllowPrivate lets addresses of this machine and of private networks be
	// called, by http too. Without it only https to public addresses is.
	AllowPrivate bool
	Timeout      time.Duration // 0 = DefaultTimeout
	// Identity is who we are over https, and who signs the certificates of partners;
	// nil = nobody, and the CAs of the system.
	Identity *api.Identity
}

// Check reads a partner's URL and returns an ErrForbiddenURL for one that is
// never called. Which address its name stands for is decided at each connection.
func (p Policy) Check(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURL:
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrForbiddenURL, maxURL)
	case err != nil: // its text holds the URL, and that may hold a secret
		return nil, fmt.Errorf("%w: it is not a URL", ErrForbiddenURL)
	case u.Host == "" || u.Hostname() == "":
		return nil, fmt.Errorf("%w: it names no host", ErrForbiddenURL)
	case u.User != nil:
		return nil, fmt.Errorf("%w: it holds a user's name", ErrForbiddenURL)
	case u.Scheme != "https" && (u.Scheme != "http" || !p.AllowPrivate):
		return nil, fmt.Errorf("%w: %s: https only", ErrForbiddenURL, u.Scheme)
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// permits refuses an address that is not called over a scheme: one of this
// machine and its networks unless the policy allows them, a public one over http,
// and what is no single host. The error does not say which address that is: who
// gave us the name may read it.
func (p Policy) permits(scheme string, a netip.Addr) error {
	a = embedded(a.Unmap())
	switch {
	case within(a, nowhere):
		return fmt.Errorf("%w: its address is that of no host", ErrForbiddenURL)
	case within(a, private) && !p.AllowPrivate:
		return fmt.Errorf("%w: its address is a private one (partner_urls.allow_private)", ErrForbiddenURL)
	case scheme == "http" && !within(a, private):
		return fmt.Errorf("%w: its address is a public one: https only", ErrForbiddenURL)
	}
	return nil
}

// control returns what a net.Dialer asks before it connects, with the address
// that the name was resolved to: a name that stands for another address by then
// than when it was checked passes by no check.
func (p Policy) control(scheme string) func(network, address string, c syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %q is no address", ErrForbiddenURL, address)
		}
		return p.permits(scheme, to.Addr().WithZone(""))
	}
}

// dialer makes connections for a scheme.
func (p Policy) dialer(scheme string, resolver *net.Resolver) *net.Dialer {
	return &net.Dialer{Timeout: p.timeout(), Control: p.control(scheme), Resolver: resolver}
}

func (p Policy) timeout() time.Duration {
	if p.Timeout > 0 {
		return p.Timeout
	}
	return DefaultTimeout
}

// private are the addresses of this machine and of networks that are somebody's
// own (IANA's registries of special-purpose addresses): RFC 1918, loopback,
// link-local, of carriers, of benchmarks, and what reaches these through IPv6.
var private = prefixes(
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "192.0.0.0/24",
	"::/96", "::ffff:0:0:0/96", "fe80::/10", "fec0::/10", "fc00::/7", "64:ff9b:1::/48", "2002::/16", "2001::/32",
)

var nat64 = prefixes("64:ff9b::/96")

// embedded is the address behind one that a network translates to IPv4 (RFC 6052).
func embedded(a netip.Addr) netip.Addr {
	if !within(a, nat64) || !a.IsValid() {
		return a
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

// nowhere are addresses that no single host answers by.
var nowhere = prefixes(
	"0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
	"::/128", "ff00::/8", "2001:db8::/32", "100::/64",
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return !a.IsValid()
}
