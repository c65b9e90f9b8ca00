package hub

import (
	"cmp"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// The trees of OCPI 2.1.1, whose endpoints have no role: each names our side.
// As the eMSP we receive what CPOs own and send Tokens; as the CPO we send what
// CPOs own and receive Tokens.
const (
	treeEMSP = "emsp"
	treeCPO  = "cpo"
)

// edition is one OCPI version, of 2.1.1 one of its trees: its modules as version
// details list them, and its routes.
type edition struct {
	version   ocpi.Version
	tree      string // "" for all versions but 2.1.1
	endpoints []endpoint
	routes    []route
}

// endpoint is one module in version details (OCPI 2.2.1 version_information).
type endpoint struct {
	identifier string
	role       ocpi.InterfaceRole
	path       string // below Prefix
}

// editions are all there are, the oldest version first.
func editions() []edition {
	return []edition{
		newEdition(ocpi.V211, treeEMSP), newEdition(ocpi.V211, treeCPO),
		newEdition(ocpi.V221, ""), newEdition(ocpi.V230, ""),
	}
}

func newEdition(v ocpi.Version, tree string) edition {
	ed := edition{version: v, tree: tree}
	for _, m := range modules() {
		if ed.has(&m) {
			ed.add(&m)
		}
	}
	return ed
}

// has reports whether the edition has a module. A module without sides is in
// both trees of 2.1.1.
func (ed *edition) has(m *module) bool {
	if ed.version < m.since {
		return false
	}
	fromEMSP := m.object == ingest.ObjectToken || m.object == ingest.ObjectCommand
	receivesFromCPO := (m.side == ocpi.RoleReceiver) != fromEMSP
	return ed.tree == "" || m.side == "" || receivesFromCPO == (ed.tree == treeEMSP)
}

// add lists a module and its routes.
func (ed *edition) add(m *module) {
	path := ed.path() + "/" + m.id
	if m.side != "" && ed.tree == "" {
		path = ed.path() + "/" + strings.ToLower(string(m.side)) + "/" + m.id
	}
	e := endpoint{identifier: m.id, path: path}
	if ed.version != ocpi.V211 {
		e.role = cmp.Or(m.side, ocpi.RoleSender) // of a module without sides nobody may rely on it
	}
	ed.endpoints = append(ed.endpoints, e)
	for _, d := range m.doors {
		if d.only != 0 && d.only != ed.version || ed.version < d.since {
			continue
		}
		roles := m.roles
		if d.roles != nil {
			roles = d.roles
		}
		fetch := ocpi.InterfaceRole("")
		if d.fetch && ed.version != ocpi.V211 {
			fetch = m.side
		}
		ed.routes = append(ed.routes, route{
			method: d.method, path: path + d.path, base: path, object: m.object, roles: roles, names: d.names, asks: d.asks, onward: d.onward, fetch: fetch, invited: m.invited, handle: d.handle,
			routed: ed.version != ocpi.V211 && m.object != 0,
		})
	}
}

// path is where the edition is, below Prefix.
func (ed *edition) path() string {
	if ed.tree != "" {
		return "/" + ed.tree + "/" + ed.version.String()
	}
	return "/" + ed.version.String()
}

// isFor reports whether an edition is there for a partner: OCPI 2.1.1 knows CPOs
// and eMSPs alone, each in the tree that names the other side.
func (ed *edition) isFor(p *control.Partner) bool {
	switch ed.tree {
	case treeEMSP:
		return len(p.Charging().Parties) > 0
	case treeCPO:
		return len(p.Mobility().Parties) > 0
	}
	return true
}

// isFor reports whether a route is there for a partner, by its roles.
func (r *route) isFor(p *control.Partner) bool {
	if r.edition != nil && !r.edition.isFor(p) {
		return false
	}
	return r.roles == nil || slices.ContainsFunc(p.Roles, func(own control.Role) bool { return slices.Contains(r.roles, own.Role) })
}
