package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// member is a member that OCPI knows, and the versions it is in.
type member struct {
	name        string
	first, last ocpi.Version
}

var (
	tariffMembers = []member{
		{"id", ocpi.V211, ocpi.V230}, {"currency", ocpi.V211, ocpi.V230}, {"tariff_alt_text", ocpi.V211, ocpi.V230},
		{"tariff_alt_url", ocpi.V211, ocpi.V230}, {"elements", ocpi.V211, ocpi.V230}, {"energy_mix", ocpi.V211, ocpi.V230},
		{"last_updated", ocpi.V211, ocpi.V230}, {"country_code", ocpi.V221, ocpi.V230}, {"party_id", ocpi.V221, ocpi.V230},
		{"type", ocpi.V221, ocpi.V230}, {"min_price", ocpi.V221, ocpi.V230}, {"max_price", ocpi.V221, ocpi.V230},
		{"start_date_time", ocpi.V221, ocpi.V230}, {"end_date_time", ocpi.V221, ocpi.V230},
		{"tax_included", ocpi.V230, ocpi.V230}, {"preauthorize_amount", ocpi.V230, ocpi.V230},
	}
	limitMembers = []member{
		{"excl_vat", ocpi.V221, ocpi.V221}, {"incl_vat", ocpi.V221, ocpi.V221},
		{"before_taxes", ocpi.V230, ocpi.V230}, {"after_taxes", ocpi.V230, ocpi.V230},
	}
	elementMembers   = []member{{"price_components", ocpi.V211, ocpi.V230}, {"restrictions", ocpi.V211, ocpi.V230}}
	componentMembers = []member{
		{"type", ocpi.V211, ocpi.V230}, {"price", ocpi.V211, ocpi.V230}, {"step_size", ocpi.V211, ocpi.V230}, {"vat", ocpi.V221, ocpi.V230},
	}
	restrictionMembers = []member{
		{"start_time", ocpi.V211, ocpi.V230}, {"end_time", ocpi.V211, ocpi.V230}, {"start_date", ocpi.V211, ocpi.V230},
		{"end_date", ocpi.V211, ocpi.V230}, {"min_kwh", ocpi.V211, ocpi.V230}, {"max_kwh", ocpi.V211, ocpi.V230},
		{"min_power", ocpi.V211, ocpi.V230}, {"max_power", ocpi.V211, ocpi.V230}, {"min_duration", ocpi.V211, ocpi.V230},
		{"max_duration", ocpi.V211, ocpi.V230}, {"day_of_week", ocpi.V211, ocpi.V230}, {"min_current", ocpi.V221, ocpi.V230},
		{"max_current", ocpi.V221, ocpi.V230}, {"reservation", ocpi.V221, ocpi.V230},
	}
)

var (
	textMembers = []member{{"language", ocpi.V211, ocpi.V230}, {"text", ocpi.V211, ocpi.V230}}
	mixMembers  = []member{
		{"is_green_energy", ocpi.V211, ocpi.V230}, {"energy_sources", ocpi.V211, ocpi.V230}, {"environ_impact", ocpi.V211, ocpi.V230},
		{"supplier_name", ocpi.V211, ocpi.V230}, {"energy_product_name", ocpi.V211, ocpi.V230},
	}
)

// numbers are the members whose value must be a number.
var numbers = []string{
	"price", "vat", "step_size", "excl_vat", "incl_vat", "before_taxes", "after_taxes", "min_kwh", "max_kwh",
	"min_power", "max_power", "min_current", "max_current", "min_duration", "max_duration",
}

// text checks what only the tariff's text shows. It reads the parts that bear
// on the price and leaves the rest alone.
func (c *checker) text(tariff *node, v ocpi.Version) {
	tariff.walk("", func(path string, n *node) {
		name := path[strings.LastIndexByte(path, '.')+1:]
		switch {
		case n.kind == 'n' && priced(path):
			c.add("null_member", ocpi.Info, path, "null counts as absent; leave the member out")
		case n.kind == '"' && priced(path) && slices.Contains(numbers, name):
			c.add("quoted_number", ocpi.Warning, path, "a number in quotes: it is read as a number here, other readers reject the tariff; write it without quotes")
		}
	})
	c.members(tariff, "", tariffMembers, v)
	for _, name := range []string{"min_price", "max_price"} {
		c.members(tariff.member(name), name, limitMembers, v)
	}
	c.describedMembers(tariff, v)
	c.enumValue(tariff.member("type"), "type", tariffTypes, ocpi.Info, "the type does not bear on the price")
	c.enumValue(tariff.member("tax_included"), "tax_included", taxIncludedValues, ocpi.Serious, "it counts as not stated, so NO is assumed")
	c.country(tariff.member("country_code"))
	c.identity(tariff)
	for i, element := range tariff.member("elements").items() {
		c.members(&element, elementPath(i), elementMembers, v)
		for j, component := range element.member("price_components").items() {
			c.members(&component, componentPath(i, j, ""), componentMembers, v)
			c.enumValue(component.member("type"), componentPath(i, j, "type"), componentTypes, ocpi.Serious, "the tariff cannot be priced")
		}
		c.restrictionText(i, element.member("restrictions"), v)
	}
}

// describedMembers checks the names of what describes the tariff.
func (c *checker) describedMembers(tariff *node, v ocpi.Version) {
	for i, text := range tariff.member("tariff_alt_text").items() {
		c.members(&text, "tariff_alt_text["+strconv.Itoa(i)+"]", textMembers, v)
	}
	c.members(tariff.member("energy_mix"), "energy_mix", mixMembers, v)
}

// priced reports whether a path leads to something that bears on the price:
// texts, links and the energy mix do not.
func priced(path string) bool {
	return !strings.HasPrefix(path, "tariff_alt") && !strings.HasPrefix(path, "energy_mix")
}

// members reports member names that the version does not know: those of
// another version, and those that look like a slip. Other names are custom
// fields, which OCPI allows; but a restriction nobody knows may change the price.
func (c *checker) members(n *node, path string, known []member, v ocpi.Version) {
	if n == nil || n.kind != '{' {
		return
	}
	var names []string
	for _, k := range known {
		if k.first <= v && v <= k.last {
			names = append(names, k.name)
		}
	}
	for i, name := range n.names {
		if slices.Contains(names, name) || n.children[i].kind == 'n' {
			continue
		}
		at := name
		if path != "" {
			at = path + "." + name
		}
		c.unknownMember(n, at, name, known, names, v)
	}
}

// unknownMember reports a member that OCPI does not have there. Names that begin
// with "x_" are custom fields and say so.
func (c *checker) unknownMember(n *node, at, name string, known []member, names []string, v ocpi.Version) {
	other := slices.IndexFunc(known, func(k member) bool { return k.name == name })
	match, _ := nearest(name, names)
	switch {
	case other >= 0:
		c.add("member_of_other_version", ocpi.Serious, at, fmt.Sprintf("OCPI %s has no %s here, so it is ignored; publish the tariff in version %s or leave it out", v, name, known[other].first))
	case match != "" && !slices.Contains(n.names, match) && !priced(at):
		c.add("misspelled_member", ocpi.Info, at, "the name is unknown, so the member is ignored; write "+strconv.Quote(match))
	case match != "" && !slices.Contains(n.names, match):
		c.add("misspelled_member", ocpi.Serious, at, "the name is unknown, so the member is ignored; write "+strconv.Quote(match))
	case match != "":
		c.add("misspelled_member", ocpi.Warning, at, "the name is unknown, so the member is ignored, and "+strconv.Quote(match)+" is there as well; remove one")
	case strings.HasSuffix(at, ".restrictions."+name):
		c.add("unknown_restriction", ocpi.Serious, at, "OCPI "+v.String()+" does not know this restriction, so it is ignored and the price applies without it; express it otherwise")
	case len(name) < 2 || !strings.EqualFold(name[:2], "x_"):
		c.add("unknown_member", ocpi.Info, at, "OCPI "+v.String()+" has no such member here, so it is ignored; check that nothing depends on it")
	}
}

var (
	tariffTypes       = []string{"AD_HOC_PAYMENT", "PROFILE_CHEAP", "PROFILE_FAST", "PROFILE_GREEN", "REGULAR"}
	taxIncludedValues = []string{"YES", "NO", "N/A"}
	componentTypes    = []string{"ENERGY", "FLAT", "PARKING_TIME", "TIME"}
	reservationValues = []string{"RESERVATION", "RESERVATION_EXPIRES"}
	dayValues         = []string{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"}
)

// enumValue checks one of OCPI's names: exact, in another case, misspelt or unknown.
func (c *checker) enumValue(n *node, path string, known []string, severity ocpi.Severity, effect string) {
	if n == nil || n.kind != '"' || slices.Contains(known, n.text) {
		return
	}
	match, onlyCase := nearest(n.text, known)
	got := strconv.QuoteToASCII(n.text)
	if len(got) > 40 {
		got = "the value"
	}
	if known, ok := c.read[path]; ok {
		c.add("enum_case", min(severity, ocpi.Warning), path, got+" is not written as OCPI does: it is read as "+known+" here, other readers reject the tariff; write "+known)
		return
	}
	switch {
	case onlyCase:
		c.add("enum_case", severity, path, got+" is not written as OCPI does, so "+effect+"; write "+match)
	case match != "":
		c.add("enum_spelling", severity, path, got+" is unknown, so "+effect+"; write "+match)
	default:
		c.add("unknown_enum", severity, path, got+" is unknown, so "+effect+"; write one of "+strings.Join(known, ", "))
	}
}

// identity checks what CDRs refer to the tariff by.
func (c *checker) identity(tariff *node) {
	for _, name := range []string{"id", "party_id"} {
		n := tariff.member(name)
		if n == nil || n.kind != '"' {
			continue
		}
		if n.text != strings.TrimSpace(n.text) {
			c.add("id_space", ocpi.Warning, name, "a space at its beginning or end is part of it, so a CDR that leaves it out names another tariff; remove it")
		}
		if name == "party_id" && n.text != strings.ToUpper(n.text) {
			c.add("party_case", ocpi.Info, name, "lower case is read, but other readers may not match the owner; write "+strings.ToUpper(n.text))
		}
	}
}

// country checks the ISO 3166-1 alpha-2 code of the owner.
func (c *checker) country(n *node) {
	if n == nil || n.kind != '"' || len(n.text) != 2 {
		return // refused by package ocpi
	}
	upper := strings.ToUpper(n.text)
	switch {
	case !strings.Contains(countries, " "+upper+" "):
		c.add("country_unknown", ocpi.Warning, "country_code", strconv.QuoteToASCII(n.text)+" is not a country of ISO 3166-1: the owner cannot be matched with its CDRs; write the code of the party's country")
	case upper != n.text:
		c.add("country_case", ocpi.Info, "country_code", "lower case is read, but other readers may not match the owner; write "+upper)
	}
}

// countries are the alpha-2 codes of ISO 3166-1, and XK, which Kosovo uses.
const countries = " AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ " +
	"CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR " +
	"GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP " +
	"KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT " +
	"MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW " +
	"SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ " +
	"UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW "
