package hub

import (
	"net/http"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Paths of the CDRs module in OCPI 2.2.1.
const (
	cdrsReceiver = "/2.2.1/receiver/cdrs"
	cdrsSender   = "/2.2.1/sender/cdrs"
)

// edition221 is OCPI 2.2.1 as a hub serves it.
func edition221() edition {
	const (
		locations = "/2.2.1/receiver/locations"
		tariffs   = "/2.2.1/receiver/tariffs"
		sessions  = "/2.2.1/receiver/sessions"
		tokens    = "/2.2.1/receiver/tokens"
	)
	ed := edition{version: ocpi.V221, endpoints: []endpoint{
		{"locations", ocpi.RoleReceiver, locations},
		{"tariffs", ocpi.RoleReceiver, tariffs},
		{"sessions", ocpi.RoleReceiver, sessions},
		{"cdrs", ocpi.RoleReceiver, cdrsReceiver},
		{"cdrs", ocpi.RoleSender, cdrsSender},
		{"tokens", ocpi.RoleReceiver, tokens},
	}}
	add := func(method, path string, object ingest.Object, h handler) {
		ed.routes = append(ed.routes, route{method: method, path: path, object: object, handle: h})
	}
	add(http.MethodPost, cdrsReceiver, ingest.ObjectCDR, (*exchange).postCDR)
	add(http.MethodGet, cdrsReceiver+objectPath, ingest.ObjectCDR, (*exchange).getCDR)
	add(http.MethodGet, cdrsSender, ingest.ObjectCDR, (*exchange).listCDRs)

	for _, part := range []string{"", "/:evse", "/:evse/:connector"} {
		add(http.MethodGet, locations+objectPath+part, ingest.ObjectLocation, (*exchange).getLocation)
		add(http.MethodPut, locations+objectPath+part, ingest.ObjectLocation, (*exchange).put)
		add(http.MethodPatch, locations+objectPath+part, ingest.ObjectLocation, (*exchange).patch)
	}
	add(http.MethodGet, tariffs+objectPath, ingest.ObjectTariff, (*exchange).get)
	add(http.MethodPut, tariffs+objectPath, ingest.ObjectTariff, (*exchange).put)
	add(http.MethodDelete, tariffs+objectPath, ingest.ObjectTariff, (*exchange).delete)

	add(http.MethodGet, sessions+objectPath, ingest.ObjectSession, (*exchange).get)
	add(http.MethodPut, sessions+objectPath, ingest.ObjectSession, (*exchange).put)
	add(http.MethodPatch, sessions+objectPath, ingest.ObjectSession, (*exchange).patch)

	add(http.MethodGet, tokens+objectPath, ingest.ObjectToken, (*exchange).get)
	add(http.MethodPut, tokens+objectPath, ingest.ObjectToken, (*exchange).put)
	add(http.MethodPatch, tokens+objectPath, ingest.ObjectToken, (*exchange).patch)
	return ed
}

// objectPath addresses an object of its owner (OCPI 2.2.1 "Client Owned Objects").
const objectPath = "/:country/:party/:id"
