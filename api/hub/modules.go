package hub

import (
	"net/http"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// module is one side of one OCPI module, as every edition that has it serves it.
type module struct {
	id     string             // ModuleID: its name in version details, and the last part of its path
	side   ocpi.InterfaceRole // ours; "" where both sides are one, as of credentials
	object ingest.Object      // what it is about; 0 for a configuration module
	roles  []string           // whom it is for: to all others it is not there; nil = every partner
	since  ocpi.Version       // the first version that has it; 0 = all have it
	doors  []door
	// invited says that it opens to who is invited to register, and has not.
	invited bool
}

// door is one method on one path of a module.
type door struct {
	method string
	path   string // below the module's
	handle handler
	only   ocpi.Version // the one version that has it; 0 = all have it
	since  ocpi.Version // the first version that has it; 0 = all have it
	roles  []string     // whom it is for, of those that the module is for; nil = all of them
	names  bool         // OCPI-to names an owner or a recipient, which the handler reads
	asks   bool         // its body is a question, which is not kept
	onward bool         // what is pushed goes on to whom OCPI-to names
	fetch  bool         // whom OCPI-to names is asked in our place
}

// Who owns what (OCPI 2.2.1 types, "Role", and terminology, "Typical OCPI
// implementations per Role"), and who reads it.
var (
	operators  = []string{control.RoleCPO}
	providers  = []string{control.RoleEMSP}
	publishers = []string{control.RoleCPO, control.RoleNAP}                                      // of Locations and Tariffs
	parties    = []string{control.RoleCPO, control.RoleEMSP}                                     // of a CDR, a Session and an invoice
	watchers   = []string{control.RoleCPO, control.RoleEMSP, control.RoleSCSP}                   // of Sessions: SCSPs by grant
	readers    = []string{control.RoleEMSP, control.RoleNAP, control.RoleNSP, control.RoleOther} // of Locations and Tariffs
)

// objectPath addresses an object of its owner (OCPI 2.2.1 "Client Owned Objects").
const objectPath = "/:country/:party/:id"

// modules are all there are, in the order of version details.
func modules() []module {
	return []module{
		credentialsModule(),
		{id: "locations", side: ocpi.RoleReceiver, object: ingest.ObjectLocation, roles: publishers, doors: locationDoors()},
		{id: "locations", side: ocpi.RoleSender, object: ingest.ObjectLocation, roles: readers, doors: append(listed(), senderDoors()...)},
		{id: "tariffs", side: ocpi.RoleReceiver, object: ingest.ObjectTariff, roles: publishers, doors: []door{
			{method: http.MethodGet, path: objectPath, handle: (*exchange).get, names: true, fetch: true},
			{method: http.MethodPut, path: objectPath, handle: (*exchange).put, names: true, onward: true},
			{method: http.MethodPatch, path: objectPath, handle: (*exchange).patch, only: ocpi.V211, onward: true},
			{method: http.MethodDelete, path: objectPath, handle: (*exchange).delete, names: true, onward: true},
		}},
		{id: "tariffs", side: ocpi.RoleSender, object: ingest.ObjectTariff, roles: readers, doors: listed()},
		{id: "sessions", side: ocpi.RoleReceiver, object: ingest.ObjectSession, roles: operators, doors: owned()},
		{id: "sessions", side: ocpi.RoleSender, object: ingest.ObjectSession, roles: watchers, doors: append(listed(), preferencesDoor())},
		{id: "cdrs", side: ocpi.RoleReceiver, object: ingest.ObjectCDR, roles: operators, doors: []door{
			{method: http.MethodPost, handle: (*exchange).postCDR, onward: true},
			// Met daily: the id, or owner and id, behind the URL that CDRs are posted to.
			{method: http.MethodPost, path: "/:country", handle: (*exchange).postCDR, onward: true},
			{method: http.MethodPost, path: objectPath, handle: (*exchange).postCDR, onward: true},
			// Where it is at its recipient only that knows; Location leads here.
			{method: http.MethodGet, path: objectPath, handle: (*exchange).getCDR, names: true},
		}},
		{id: "cdrs", side: ocpi.RoleSender, object: ingest.ObjectCDR, roles: parties, doors: []door{
			{method: http.MethodGet, handle: (*exchange).listCDRs, fetch: true},
		}},
		{id: "tokens", side: ocpi.RoleReceiver, object: ingest.ObjectToken, roles: providers, doors: owned()},
		{id: "tokens", side: ocpi.RoleSender, object: ingest.ObjectToken, roles: operators, doors: append(listed(), authorizeDoors()...)},
		{id: "invoicereconciliation", side: ocpi.RoleReceiver, object: ingest.ObjectInvoice, roles: parties, since: ocpi.V230, doors: []door{
			{method: http.MethodPost, handle: (*exchange).postInvoice, names: true, onward: true},
			{method: http.MethodGet, path: objectPath, handle: (*exchange).get, names: true, fetch: true},
			{method: http.MethodPut, path: objectPath, handle: (*exchange).putInvoice, names: true, onward: true},
			{method: http.MethodDelete, path: objectPath, handle: (*exchange).delete, names: true, onward: true},
		}},
		{id: "invoicereconciliation", side: ocpi.RoleSender, object: ingest.ObjectInvoice, roles: parties, since: ocpi.V230, doors: listed()},
		{id: "commands", side: ocpi.RoleReceiver, object: ingest.ObjectCommand, roles: providers, doors: commandDoors(ocpi.RoleReceiver)},
		{id: "commands", side: ocpi.RoleSender, object: ingest.ObjectCommand, roles: operators, doors: commandDoors(ocpi.RoleSender)},
		{id: "hubclientinfo", side: ocpi.RoleSender, since: ocpi.V221, doors: []door{{method: http.MethodGet, handle: (*exchange).listClients}}},
	}
}

// listed is the door of objects that others own.
func listed() []door {
	return []door{{method: http.MethodGet, handle: (*exchange).listObjects, fetch: true}}
}

// senderDoors are those of a Location of another owner, its EVSEs and their
// Connectors.
func senderDoors() []door {
	var doors []door
	for _, part := range []string{"/:id", "/:id/:evse", "/:id/:evse/:connector"} {
		doors = append(doors, door{method: http.MethodGet, path: part, handle: (*exchange).senderLocation, names: true, fetch: true})
	}
	return doors
}

// owned are the doors of an object that its owner keeps up to date here.
func owned() []door {
	return []door{
		{method: http.MethodGet, path: objectPath, handle: (*exchange).get, fetch: true},
		{method: http.MethodPut, path: objectPath, handle: (*exchange).put, onward: true},
		{method: http.MethodPatch, path: objectPath, handle: (*exchange).patch, onward: true},
	}
}

// locationDoors are those of a Location, its EVSEs and their Connectors.
func locationDoors() []door {
	var doors []door
	for _, part := range []string{"", "/:evse", "/:evse/:connector"} {
		doors = append(doors,
			door{method: http.MethodGet, path: objectPath + part, handle: (*exchange).get, fetch: true},
			door{method: http.MethodPut, path: objectPath + part, handle: (*exchange).put, onward: true},
			door{method: http.MethodPatch, path: objectPath + part, handle: (*exchange).patch, onward: true})
	}
	return doors
}
