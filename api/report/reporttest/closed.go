package reporttest

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// Closed is a report.Closes: the months that were closed elsewhere, and since when.
type Closed map[ocpi.Month]ocpi.Time

// January closes the first month of the World.
var January = Closed{201901: ocpi.TimeOf(at("2019-02-05T09:30:00Z"))}

// ElsewhereSince implements report.Closes.
func (c Closed) ElsewhereSince(_ clearing.Scope, m ocpi.Month) ocpi.Time { return c[m] }
