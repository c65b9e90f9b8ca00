package world

import (
	"time"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// Module is an OCPI module identifier, as in version details.
type Module string

// Modules the world's partners push to.
const (
	Locations Module = "locations"
	Tariffs   Module = "tariffs"
	Tokens    Module = "tokens"
	Sessions  Module = "sessions"
	CDRs      Module = "cdrs"
)

// Item is one request of one partner. Body must not be changed.
type Item struct {
	Sender ocpi.Party
	Module Module
	Method string // PUT, PATCH or POST
	Path   string // below the module's endpoint, escaped; "" for a POST
	Body   []byte
	// Lane orders requests: those of one lane are sent one after the other.
	Lane  uint64
	Class Class // CDRs only
	Claim Claim // CDRs only
	// Mistake is the code of the reading by which a clearing house explains the
	// total, such as "vat_forgotten": of Mistaken CDRs only.
	Mistake string
}

// Claim is what a CDR asks for.
type Claim struct {
	Key      ocpi.Key
	EMSP     ocpi.Party
	End      time.Time // of the month it counts in: the end or, where that is not known, the start
	Currency string
	Credit   bool
	Excl     decimal.Decimal
	Incl     decimal.Decimal
	NoIncl   bool // the CDR does not state the amount including tax
}

// Month of the end, UTC, such as "2018-04".
func (c *Claim) Month() string { return c.End.UTC().Format("2006-01") }
