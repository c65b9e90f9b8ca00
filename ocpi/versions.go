package ocpi

// VersionInfo is one entry of the list of versions (2.2.1
// version_information_endpoint, "Version class").
type VersionInfo struct {
	Version string `json:"version"`
	URL     string `json:"url"`
}

// VersionDetails lists the modules of one version (2.2.1
// version_information_endpoint, "Version details").
type VersionDetails struct {
	Version   string     `json:"version"`
	Endpoints []Endpoint `json:"endpoints"`
}

// InterfaceRole says on which side of a module an endpoint stands.
type InterfaceRole string

// The two sides of a module: the owner of its objects and their reader.
const (
	RoleSender   InterfaceRole = "SENDER"
	RoleReceiver InterfaceRole = "RECEIVER"
)

// Endpoint is one side of one module. In 2.1.1 it has no role.
type Endpoint struct {
	Identifier string        `json:"identifier"`
	Role       InterfaceRole `json:"role,omitempty"`
	URL        string        `json:"url"`
}
