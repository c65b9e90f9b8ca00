package ocpi

// ClientInfo is one party that a hub connects (2.2.1 mod_hub_client_info,
// "ClientInfo Object").
type ClientInfo struct {
	PartyID     string           `json:"party_id"`
	CountryCode string           `json:"country_code"`
	Role        string           `json:"role"`
	Status      ConnectionStatus `json:"status"`
	LastUpdated string           `json:"last_updated"`
}

// ConnectionStatus says whether a party can be reached through a hub (2.2.1
// mod_hub_client_info, "ConnectionStatus").
type ConnectionStatus string

// Connection statuses.
const (
	Connected ConnectionStatus = "CONNECTED"
	Offline   ConnectionStatus = "OFFLINE"
	Planned   ConnectionStatus = "PLANNED"
	Suspended ConnectionStatus = "SUSPENDED"
)
