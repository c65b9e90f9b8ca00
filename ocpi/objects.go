package ocpi

// Location is where EVSEs stand (mod_locations): the members roamclear works
// with; everything else stays in the raw body.
type Location struct {
	Version     Version
	CountryCode string
	PartyID     string
	ID          string
	Publish     bool
	Hidden      bool   // publish is false; one that is absent hides nothing
	AllowedTo   string // publish_allowed_to as sent, "" where absent
	Name        string
	Address     string
	City        string
	PostalCode  string
	Country     string // alpha-3
	Latitude    string
	Longitude   string
	TimeZone    string // as sent: IANA's name, if it is one
	Facilities  []string
	Opening     string // opening_times as sent, "" where absent
	EVSEs       []EVSE
	LastUpdated Time
	Findings    []Finding
}

// EVSE is one place to charge at.
type EVSE struct {
	UID          string
	EVSEID       string
	Status       string
	Capabilities []string
	Connectors   []Connector
	LastUpdated  Time
}

// Connector is a socket or cable of an EVSE.
type Connector struct {
	ID          string
	Standard    string
	Format      string
	PowerType   string
	MaxVoltage  Number // V
	MaxAmperage Number // A
	MaxPower    Number // W, max_electric_power
	TariffIDs   []string
	// Capabilities are those of a Connector itself (2.3.0), as sent.
	Capabilities []string
	LastUpdated  Time
}

// Session is a charge under way (mod_sessions). Strings and slices alias the
// decoded body: see [Decoder].
type Session struct {
	Version                Version
	CountryCode            string
	PartyID                string
	ID                     string
	Start                  Time
	End                    Time
	KWh                    Number
	Token                  CDRToken
	AuthMethod             string
	AuthorizationReference string
	LocationID             string
	EVSEUID                string
	ConnectorID            string
	MeterID                string
	Currency               string
	Periods                []ChargingPeriod
	TotalCost              Price
	Status                 string
	LastUpdated            Time
	Findings               []Finding
	Unread                 []FieldError // as in a CDR
}

// Token is what a driver identifies with (mod_tokens).
type Token struct {
	Version     Version
	CountryCode string
	PartyID     string
	UID         string
	Type        string
	ContractID  string
	Issuer      string
	Valid       bool
	Whitelist   string
	LastUpdated Time
	Findings    []Finding
}
