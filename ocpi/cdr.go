package ocpi

// CDR is a Charge Detail Record (OCPI 2.2.1 mod_cdrs, 2.3.0 mod_cdrs; 2.1.1
// section 9). Strings and slices alias the decoded body and the decoder's
// arena: see [Decoder].
type CDR struct {
	Version                Version
	CountryCode            string // as sent; 2.1.1: "" (the owner is the sender)
	PartyID                string // as sent; 2.1.1: ""
	ID                     string // as sent
	Start                  Time   // start_date_time; start of the reservation if there was one
	End                    Time   // end_date_time; 2.1.1: stop_date_time
	SessionID              string
	Token                  CDRToken
	AuthMethod             string
	AuthorizationReference string
	Location               CDRLocation
	MeterID                string
	Currency               string // ISO 4217, three upper-case letters
	Tariffs                []Tariff
	Periods                []ChargingPeriod
	TotalCost              Price
	TotalFixedCost         Price
	TotalEnergy            Number // kWh
	TotalEnergyCost        Price
	TotalTime              Number // hours, parking included
	TotalTimeCost          Price
	TotalParkingTime       Number // hours
	TotalParkingCost       Price
	TotalReservationCost   Price
	InvoiceReferenceID     string
	Credit                 bool
	CreditReferenceID      string
	HomeCharging           bool // home_charging_compensation
	LastUpdated            Time
	Findings               []Finding
	Unread                 []FieldError // what the price rests on and cannot be read: there is none
}

// Key returns the folded identity. For 2.1.1, owner is the sender's party.
func (c *CDR) Key(owner Party) Key {
	if c.Version == V211 {
		return Key{Party: owner, ID: Fold(c.ID)}
	}
	return NewKey(c.CountryCode, c.PartyID, c.ID)
}

// Debtor returns the eMSP that must pay: the owner of the token. It is zero
// where the body does not say (2.1.1).
func (c *CDR) Debtor() Party { return NewParty(c.Token.CountryCode, c.Token.PartyID) }

// CDRToken is the token a charge was made with. In 2.1.1 only ContractID is
// known (auth_id).
type CDRToken struct {
	CountryCode string
	PartyID     string
	UID         string
	Type        string
	ContractID  string
}

// Party is the eMSP that the token names, zero where it names none, or half of one.
func (t *CDRToken) Party() Party {
	if t.CountryCode == "" || t.PartyID == "" {
		return Party{}
	}
	return NewParty(t.CountryCode, t.PartyID)
}

// CDRLocation is where the charge took place.
type CDRLocation struct {
	ID            string
	Country       string // alpha-3
	Latitude      string
	Longitude     string
	EVSEUID       string
	EVSEID        string
	ConnectorID   string
	ConnectorType string // connector_standard
	Format        string // connector_format
	PowerType     string // connector_power_type
	MaxVoltage    Number // V; only 2.1.1 carries it in the CDR
	MaxAmperage   Number // A; only 2.1.1 carries it in the CDR
	TimeZone      string // only 2.1.1 carries it in the CDR
}

// Dimension is what a charging period measures (CdrDimensionType).
type Dimension uint8

// Dimensions of a charging period. The ones from Current on are meant for
// Sessions only; DimUnknown is any other name, which makes a CDR unpriceable
// only if it stands where a price would be needed.
const (
	DimUnknown Dimension = iota
	DimEnergy
	DimTime
	DimParkingTime
	DimReservationTime
	DimMinCurrent
	DimMaxCurrent
	DimMinPower
	DimMaxPower
	DimFlat // 2.1.1 only
	DimCurrent
	DimEnergyExport
	DimEnergyImport
	DimPower
	DimStateOfCharge
)

var dimensionNames = [...]string{
	"", "ENERGY", "TIME", "PARKING_TIME", "RESERVATION_TIME", "MIN_CURRENT", "MAX_CURRENT",
	"MIN_POWER", "MAX_POWER", "FLAT", "CURRENT", "ENERGY_EXPORT", "ENERGY_IMPORT", "POWER", "STATE_OF_CHARGE",
}

// String returns the OCPI name.
func (d Dimension) String() string { return dimensionNames[d] }

// Volume is one measured dimension of a period: kWh, hours, A or kW.
type Volume struct {
	Dimension Dimension
	Volume    Number
}

// ChargingPeriod is a part of a charge during which no price changes. It
// ends where the next one starts, the last one at the end of the charge.
type ChargingPeriod struct {
	Start      Time
	Dimensions []Volume
	TariffID   string
}

// Price is an amount before and after taxes. In 2.1.1 only Excl is known.
// 2.3.0's before_taxes is Excl; Incl is before_taxes plus the sum of taxes
// where the member taxes is present (an empty list means none). The zero
// value is an absent price.
type Price struct {
	Excl  Number
	Incl  Number
	Taxes []TaxAmount
}

// IsSet reports whether the price is present.
func (p Price) IsSet() bool { return p.Excl.IsSet() || p.Incl.IsSet() }

// TaxAmount is one tax of a 2.3.0 price.
type TaxAmount struct {
	Name          string
	AccountNumber string
	Percentage    Number // percent, such as 20
	Amount        Number
}
