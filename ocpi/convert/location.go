package convert

import (
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// locationClass is a Location (mod_locations).
var locationClass = func() *class {
	k := newClass(
		since221("country_code", ownerCountry),
		since221("party_id", ownerParty),
		same("id", nil),
		since221("publish", publish),
		since221("publish_allowed_to", nested(publishTokenClass)),
		same("name", nil),
		same("address", shorten(45)),
		same("city", nil),
		same("postal_code", postalCode),
		since221("state", nil),
		same("country", value(func(_ *conversion, text string) (string, bool) { return alpha3(text), true })),
		same("coordinates", nestedPoint),
		same("related_locations", nested(relatedClass)),
		named("type", "parking_type", parkingType),
		same("evses", nested(evseClass)),
		since230("parking_places", nil),
		same("directions", nil),
		same("operator", nested(businessClass)),
		same("suboperator", nested(businessClass)),
		same("owner", nested(businessClass)),
		same("facilities", each(facilities.optional)),
		same("time_zone", nil),
		same("opening_times", nested(hoursClass)),
		same("charging_when_closed", nil),
		same("images", nested(imageClass)),
		same("energy_mix", nested(energyMixClass)),
		since230("help_phone", nil),
		same("last_updated", nil),
	)
	k.begin = beginLocation
	k.end = endLocation
	return k
}()

func beginLocation(c *conversion, x *exchange) { addOwner(c, x) }

// endLocation adds what the target requires. A 2.1.1 Location is one that is published.
func endLocation(c *conversion, x *exchange) {
	switch {
	case c.up():
		x.add("publish", "true")
		if !x.has("time_zone") || x.out.Text("time_zone") == "" {
			c.fillZone(x)
		}
	case c.down():
		if !x.has("type") {
			c.fill(x, "type", quote("UNKNOWN"))
		}
		if !x.has("postal_code") {
			c.fill(x, "postal_code", quote(notAvailable))
		}
	}
}

// fillZone adds the time zone, which 2.1.1 need not say: that of a country with only one.
func (c *conversion) fillZone(x *exchange) {
	for i := range x.out {
		if x.out[i].Name == "time_zone" { // empty or null
			x.out = append(x.out[:i:i], x.out[i+1:]...)
			break
		}
	}
	zone := ""
	if c.ctx.Zone != nil {
		zone = c.ctx.Zone(x.out.Text("country"))
	}
	if zone == "" {
		zone = notAvailable
	}
	c.fill(x, "time_zone", quote(zone))
}

// publish keeps a Location from 2.1.1 that is not for everybody: that has no word for it.
func publish(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	if open, ok := truth(m.Value); name == "" && !(open && ok) {
		c.refuse(m.Name, "OCPI 2.1.1 shows every Location to everybody")
		return
	}
	if name != "" {
		c.plain(x, m, name)
	}
}

// postalCode leaves out what stands for none, which 2.1.1 requires and 2.2.1 does not.
func postalCode(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	if c.up() && ocpi.RawText(m.Value) == notAvailable {
		return
	}
	c.plain(x, m, name)
}

// parkingType is LocationType in 2.1.1, which requires one and has words for none of
// its own and for none known.
func parkingType(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	switch known := enumText(m.Value); {
	case c.up() && known == "UNKNOWN":
	case c.up() && known == "OTHER":
		c.lose(m.Name, c.unknownTo(m.Value))
	case parkingTypes.takes(c.to, m.Value):
		c.plain(x, m, name)
	case c.down():
		c.lose(m.Name, c.unknownTo(m.Value)+": OTHER")
		x.add(name, quote("OTHER"))
	default:
		c.lose(m.Name, c.unknownTo(m.Value))
	}
}

var (
	publishTokenClass = newClass(
		since221("uid", nil),
		since221("type", tokenTypes.otherwise("OTHER")),
		since221("visual_number", nil),
		since221("issuer", nil),
		since221("group_id", nil),
	)
	businessClass = newClass(
		same("name", nil),
		same("website", nil),
		same("logo", nested(imageClass)),
	)
	imageClass = newClass(
		same("url", nil),
		same("thumbnail", nil),
		same("category", imageCategories.required()),
		same("type", nil),
		same("width", nil),
		same("height", nil),
	)
	energyMixClass = newClass(
		same("is_green_energy", nil),
		same("energy_sources", nil),
		same("environ_impact", nested(impactClass)),
		same("supplier_name", nil),
		same("energy_product_name", nil),
	)
	// impactClass is an EnvironmentalImpact.
	impactClass = newClass(
		named("source", "category", impactCategories.required()),
		same("amount", nil),
	)
	// pointClass is a GeoLocation, relatedClass an AdditionalGeoLocation.
	pointClass   = newClass(same("latitude", value(degrees)), same("longitude", value(degrees)))
	relatedClass = newClass(same("latitude", value(degrees)), same("longitude", value(degrees)), same("name", nil))
	nestedPoint  = nested(pointClass)
)

// degrees writes decimal degrees for 2.1.1, which has six decimals, not five to seven.
func degrees(c *conversion, text string) (string, bool) {
	s := ocpi.RawText(text)
	_, decimals, ok := strings.Cut(s, ".")
	if !c.down() || !ok || len(decimals) == 6 || strings.Trim(decimals, "0123456789") != "" {
		return text, true
	}
	if len(decimals) < 6 {
		return quote(s + strings.Repeat("0", 6-len(decimals))), true
	}
	cut := s[:len(s)-len(decimals)+6]
	if strings.Trim(decimals[6:], "0") != "" {
		c.lose("", "OCPI 2.1.1 has six decimals: "+cut)
	}
	return quote(cut), true
}

// hoursClass are opening times. 2.1.1 says either that it is always open or the hours;
// since 2.2.1 twentyfourseven stands in both.
var hoursClass = func() *class {
	k := newClass(
		same("twentyfourseven", alwaysOpen),
		same("regular_hours", regularHours),
		same("exceptional_openings", nil),
		same("exceptional_closings", nil),
	)
	k.end = func(c *conversion, x *exchange) {
		switch {
		case !c.up() || x.has("twentyfourseven"):
		case x.has("regular_hours"):
			x.add("twentyfourseven", "false")
		default:
			c.fill(x, "twentyfourseven", "false")
		}
	}
	return k
}()

func alwaysOpen(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	hours, err := ocpi.SplitArray(x.in.Value("regular_hours"), "")
	if open, ok := truth(m.Value); c.down() && ok && !open && err == nil && len(hours) > 0 {
		return
	}
	c.plain(x, m, name)
}

func regularHours(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	open, _ := truth(x.in.Value("twentyfourseven"))
	if !c.down() || !open {
		c.plain(x, m, name)
		return
	}
	if hours, err := ocpi.SplitArray(m.Value, ""); err != nil || len(hours) > 0 {
		c.lose(m.Name, "it is open at all hours")
	}
}
