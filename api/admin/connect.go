package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Connection is what a partner gave us to register with. Roles are what it may be
// here; none: what it says of itself. Role is its role where it does not say that.
type Connection struct {
	URL, Token string
	Version    ocpi.Version // 0 = the best that both speak
	Roles      []control.Role
	Role       string
	Name       string
}

// Pull is what a partner's lists came to, so far as they were read.
type Pull struct {
	Partner string       `json:"partner"`
	Modules []PullModule `json:"modules"`
	Pages   int          `json:"pages"` // of all lists
	Done    bool         `json:"done"`
	Error   string       `json:"error,omitempty"` // why nothing could be read
}

// PullModule is one list, in objects: New are those that were not here like this,
// NeverPushed those of them that were not here at all.
type PullModule struct {
	Module      string `json:"module"`
	Read        int    `json:"read"`
	New         int    `json:"new"`
	NeverPushed int    `json:"never_pushed"`
	Refused     int    `json:"refused"`
	// Anothers are those that a hub showed of parties that are not granted to it:
	// nothing is kept of them.
	Anothers int `json:"anothers,omitempty"`
	// Absent are those that are here and the list lacked, which was whole; nil where
	// nobody can tell.
	Absent *int   `json:"absent,omitempty"`
	Error  string `json:"error,omitempty"` // why it was not read to its end
}

// ConnectRequest is the body of POST /admin/v1/connections.
type ConnectRequest struct {
	URL     string         `json:"url"` // of the partner's versions
	Token   string         `json:"token"`
	Version string         `json:"ocpi_version,omitempty"` // "" = the best
	Roles   []control.Role `json:"roles,omitempty"`
	Role    string         `json:"role,omitempty"`
	Name    string         `json:"name,omitempty"`
}

// Connected answers it.
type Connected struct {
	Partner  Partner  `json:"partner"`
	Versions []string `json:"offered_versions"`
}

// patiently lets a request take as long as a partner does.
func patiently(c *gin.Context) {
	// A connection that cannot be told is broken, and the write will say so.
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Time{})
}

// connect answers POST /admin/v1/connections.
func (s *server) connect(c *gin.Context) error {
	var q ConnectRequest
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	n := Connection{URL: q.URL, Token: q.Token, Roles: q.Roles, Role: q.Role, Name: q.Name}
	if err := knownRoles(q.Roles); err != nil {
		return err
	}
	if err := control.ValidateToken(q.Token); err != nil {
		return err
	}
	if q.Version != "" {
		var ok bool
		if n.Version, ok = ocpi.ParseVersion(q.Version); !ok {
			return rest.Invalid("ocpi_version", "%q: want 2.1.1, 2.2.1 or 2.3.0", q.Version)
		}
	}
	patiently(c)
	p, versions, err := s.peers.Connect(c.Request.Context(), n)
	if err != nil {
		return err
	}
	c.Header("Location", "/admin/v1/partners/"+p.ID)
	rest.WriteJSON(c, http.StatusCreated, Connected{partnerView(p), versions})
	return nil
}

// startPull answers POST /admin/v1/partners/{id}/pull.
func (s *server) startPull(c *gin.Context) error {
	p, ok := s.partners.Find(api.Param(c, "id"))
	if !ok {
		return api.ErrNotFound
	}
	if err := s.peers.StartPull(p); err != nil {
		return err
	}
	return s.showPull(c, http.StatusAccepted)
}

// getPull answers GET /admin/v1/partners/{id}/pull.
func (s *server) getPull(c *gin.Context) error { return s.showPull(c, http.StatusOK) }

func (s *server) showPull(c *gin.Context, status int) error {
	pull, ok := s.peers.Pull(api.Param(c, "id"))
	if !ok {
		return api.ErrNotFound
	}
	rest.WriteJSON(c, status, pull)
	return nil
}

func (noPeers) Connect(context.Context, Connection) (*control.Partner, []string, error) {
	return nil, nil, errNoPeers
}

func (noPeers) StartPull(*control.Partner) error { return errNoPeers }

func (noPeers) Pull(string) (Pull, bool) { return Pull{}, false }
