package control

import "github.com/roamclear/roamclear/ocpi"

// Peer is the other side of a partner that has registered: what we call and how.
// One that was handed out never changes.
type Peer struct {
	Version   ocpi.Version
	URL       string // of its versions endpoint
	Endpoints []ocpi.Endpoint
	Token     SealedToken // that we call it with
	Encoding  TokenEncoding
}

// Endpoint returns the URL of one side of one of its modules. OCPI 2.1.1 has no
// sides: there every endpoint of the module is the one.
func (p *Peer) Endpoint(module string, role ocpi.InterfaceRole) (url string, ok bool) {
	for _, e := range p.Endpoints {
		if e.Identifier == module && (e.Role == role || p.Version == ocpi.V211) {
			return e.URL, true
		}
	}
	return "", false
}

// peerData is a Peer in the log, frozen.
type peerData struct {
	Version   string         `json:"version"`
	URL       string         `json:"url"`
	Endpoints []endpointData `json:"endpoints"`
	Token     SealedToken    `json:"token"`
	Encoding  TokenEncoding  `json:"token_encoding"`
}

type endpointData struct {
	Module string             `json:"module"`
	Role   ocpi.InterfaceRole `json:"role,omitempty"` // none in 2.1.1
	URL    string             `json:"url"`
}

// Bounds of what is kept of a peer.
const (
	maxURL       = 2000 // bytes
	maxEndpoints = 100
)

func (p *Peer) data() peerData {
	d := peerData{Version: p.Version.String(), URL: p.URL, Token: p.Token, Encoding: p.Encoding}
	for _, e := range p.Endpoints {
		d.Endpoints = append(d.Endpoints, endpointData{e.Identifier, e.Role, e.URL})
	}
	return d
}

func (d peerData) peer() *Peer {
	v, _ := ocpi.ParseVersion(d.Version) // validated
	p := &Peer{Version: v, URL: d.URL, Token: d.Token, Encoding: d.Encoding}
	for _, e := range d.Endpoints {
		p.Endpoints = append(p.Endpoints, ocpi.Endpoint{Identifier: e.Module, Role: e.Role, URL: e.URL})
	}
	return p
}

func (d peerData) validate() error {
	if _, ok := ocpi.ParseVersion(d.Version); !ok {
		return Invalid("OCPI version %q: want 2.1.1, 2.2.1 or 2.3.0", d.Version)
	}
	if len(d.Endpoints) == 0 || len(d.Endpoints) > maxEndpoints {
		return Invalid("%d endpoints: want 1 to %d", len(d.Endpoints), maxEndpoints)
	}
	if d.URL == "" || len(d.URL) > maxURL {
		return Invalid("URL of %d bytes: want 1 to %d", len(d.URL), maxURL)
	}
	for _, e := range d.Endpoints {
		if err := validateName("module identifier", e.Module); err != nil {
			return err
		}
		if e.URL == "" || len(e.URL) > maxURL {
			return Invalid("URL of module %s of %d bytes: want 1 to %d", e.Module, len(e.URL), maxURL)
		}
	}
	if err := d.Encoding.validate(); err != nil {
		return err
	}
	return d.Token.validate()
}
