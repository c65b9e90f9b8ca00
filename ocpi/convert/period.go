package convert

import (
	"github.com/roamclear/roamclear/ocpi"
)

// periodClass is a ChargingPeriod (mod_cdrs) of a CDR or Session.
var periodClass = newClass(
	same("start_date_time", nil),
	same("dimensions", dimensions),
	since221("tariff_id", nil),
)

// noTime is what stands in a period of which nothing else is left: each has at least
// one dimension.
const noTime = `[{"type":"TIME","volume":0}]`

// dimensions leaves out what the target does not measure.
func dimensions(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	at := len(x.out)
	eachDimension(c, x, m, name)
	switch {
	case len(x.out) == at:
		x.add(name, noTime)
	case x.out[at].Value == "[]" && m.Value != "[]":
		x.out[at].Value = noTime
	}
}

var eachDimension = each(func(c *conversion, text string) (string, bool) {
	o := objectOf(text)
	kind := o.Value("type")
	if kind == "" {
		return text, true
	}
	if (c.up() || c.down()) && !dimensionTypes.takes(c.to, kind) {
		c.lose("", c.unknownTo(kind))
		return "", false
	}
	if name := enumText(kind); (c.up() || c.down()) && (name == "MIN_CURRENT" || name == "MAX_CURRENT") {
		c.lose("", kind+" is of the whole charge in OCPI 2.1.1, of the period and the sum of its phases since 2.2.1: carried as it is")
	}
	return text, true
})
