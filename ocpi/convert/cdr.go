package convert

import (
	"github.com/roamclear/roamclear/ocpi"
)

// cdrClass is a CDR (mod_cdrs).
var cdrClass = func() *class {
	k := newClass(
		since221("country_code", ownerCountry),
		since221("party_id", ownerParty),
		same("id", nil),
		same("start_date_time", nil),
		named("stop_date_time", "end_date_time", nil),
		since221("session_id", nil),
		named("auth_id", "cdr_token", cdrToken),
		same("auth_method", authMethods.otherwise("AUTH_REQUEST")),
		since221("authorization_reference", nil),
		named("location", "cdr_location", cdrPlace),
		same("meter_id", nil),
		same("currency", nil),
		same("tariffs", cdrTariffs),
		same("charging_periods", nested(periodClass)),
		since221("signed_data", nil),
		same("total_cost", value(price)),
		since221("total_fixed_cost", value(price)),
		same("total_energy", nil),
		since221("total_energy_cost", value(price)),
		same("total_time", nil),
		since221("total_time_cost", value(price)),
		same("total_parking_time", nil),
		since221("total_parking_cost", value(price)),
		since221("total_reservation_cost", value(price)),
		same("remark", nil),
		since221("invoice_reference_id", nil),
		since221("credit", credit),
		since221("credit_reference_id", nil),
		since221("home_charging_compensation", unlessFalse),
		same("last_updated", nil),
	)
	k.begin = beginCharge
	k.end = needToken
	return k
}()

// authMethods were never opened.
var authMethods = enumeration{
	ocpi.V211: values("AUTH_REQUEST WHITELIST"),
	ocpi.V221: values("AUTH_REQUEST WHITELIST COMMAND"),
	ocpi.V230: values("AUTH_REQUEST WHITELIST COMMAND"),
}

// beginCharge notes when a charge began, which is when its Location and Tariffs are
// those that it says.
func beginCharge(c *conversion, x *exchange) {
	for _, name := range []string{"start_date_time", "start_datetime"} {
		if start, _, err := ocpi.ParseTime(x.in.Text(name)); err == nil {
			c.at = start
		}
	}
	addOwner(c, x)
}

// credit refuses a credit CDR for 2.1.1: without the word it would be a further claim.
func credit(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	if is, ok := truth(m.Value); name == "" && (is || !ok) {
		c.refuse(m.Name, "OCPI 2.1.1 has no credit CDRs")
		return
	}
	unlessFalse(c, x, m, name)
}

// unlessFalse is a member that says nothing where it is false.
func unlessFalse(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	if name == "" && m.Value == "false" {
		return
	}
	c.plain(x, m, name)
}

// cdrTariffs hands the tariffs of a CDR on: all of them, for one that is missing would
// let another one be taken in its place. None at all makes no price wrong: the CDR
// states its total.
func cdrTariffs(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	relevant, several := periodTariffs(x.in.Value("charging_periods"))
	if c.down() && several {
		c.lose(m.Name, "the charging periods name different ones, and OCPI 2.1.1 cannot say which is when")
		return
	}
	lost, more, earlier := len(c.lost), c.more, c.refused
	c.refused = nil
	c.enter(m.Name)
	text, ok := c.each(m.Value, func(c *conversion, text string) (string, bool) {
		if text[0] != '{' {
			return text, true
		}
		if id := objectOf(text).Text("id"); c.down() && relevant != "" && ocpi.Fold(id) != ocpi.Fold(relevant) {
			c.lose("", "no charging period names it, and OCPI 2.1.1 cannot say so")
			return "", false
		}
		return c.object(tariffClass, text)
	})
	c.leave()
	refused := c.refused
	c.refused = earlier
	switch {
	case refused != nil:
		c.lost, c.more = c.lost[:lost], more
		c.lose(m.Name, "OCPI "+c.to.String()+" cannot say what one of them says: "+refused.Error())
	case ok:
		x.put(m, name, text)
	}
}

// periodTariffs returns the tariff that the charging periods name, "" for none; several
// says that they do not all name the same.
func periodTariffs(periods string) (id string, several bool) {
	list, err := ocpi.SplitArray(periods, "")
	if err != nil {
		return "", false
	}
	for i, p := range list {
		named := objectOf(p).Text("tariff_id")
		if i > 0 && ocpi.Fold(named) != ocpi.Fold(id) {
			return "", true
		}
		id = named
	}
	return id, false
}
