package ocpi

// Tariff is a price list (mod_tariffs). Strings and slices alias the decoded
// body: see [Decoder].
type Tariff struct {
	Version     Version
	CountryCode string // as sent; 2.1.1: ""
	PartyID     string
	ID          string
	Currency    string
	Type        string // TariffType, "" when absent
	MinPrice    Price
	MaxPrice    Price
	Elements    []TariffElement
	TaxIncluded TaxIncluded
	Start       Time // start_date_time, absent = no bound
	End         Time // end_date_time, absent = no bound
	LastUpdated Time
	Findings    []Finding
	Unread      []FieldError // what prices rest on and cannot be read: nothing is priced by it
	Raw         []byte       // the tariff's own JSON text, also when nested in a CDR
}

// TaxIncluded says whether prices include taxes (2.3.0 tax_included).
type TaxIncluded uint8

// TaxUnstated is what 2.1.1 and 2.2.1 tariffs have (prices are before tax), and
// a 2.3.0 tariff that omits the member.
const (
	TaxUnstated TaxIncluded = iota
	TaxYes
	TaxNo
	TaxNotApplicable
)

// TariffElement groups price components under one set of restrictions.
type TariffElement struct {
	Components   []PriceComponent
	Restrictions Restrictions
}

// Component is what a price component charges for (TariffDimensionType).
type Component uint8

// Price component types. ComponentUnknown is any other name.
const (
	ComponentUnknown Component = iota
	ComponentFlat
	ComponentEnergy
	ComponentTime
	ComponentParkingTime
)

var componentNames = [...]string{"", "FLAT", "ENERGY", "TIME", "PARKING_TIME"}

// String returns the OCPI name.
func (c Component) String() string { return componentNames[c] }

// PriceComponent is one price: per kWh, per hour or per session.
type PriceComponent struct {
	Type     Component
	TypeName string // the name as sent, for a type we do not know
	Price    Number
	VAT      Number // percent; absent is not the same as zero
	StepSize Number // Wh or seconds; absent or 0 = no rounding
}

// ReservationRestriction says whether an element is for reservations.
type ReservationRestriction uint8

// Reservation restrictions. ReservationUnknown is any other name.
const (
	ReservationNone ReservationRestriction = iota
	Reservation
	ReservationExpires
	ReservationUnknown
)

// Restrictions of a tariff element, joined by AND. Times, dates and weekdays
// are local to the Location. Absent members do not restrict.
type Restrictions struct {
	StartTime   TimeOfDay
	EndTime     TimeOfDay
	StartDate   Date // inclusive
	EndDate     Date // exclusive
	MinKWh      Number
	MaxKWh      Number
	MinCurrent  Number // A, sum over phases
	MaxCurrent  Number
	MinPower    Number // kW
	MaxPower    Number
	MinDuration Number // seconds
	MaxDuration Number
	DayOfWeek   Weekdays
	Reservation ReservationRestriction
}
