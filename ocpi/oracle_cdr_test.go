package ocpi

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// reading maps a tree literally to the canonical model, as the tables of OCPI
// say, and collects the paths of the fields that depart from them.
type reading struct {
	v   Version
	bad map[string]bool
}

type node = map[string]any

func (r *reading) refuse(path string) { r.bad[path] = true }

// get returns a member that is there and not null. A required one that is not
// is refused.
func (r *reading) get(n node, at, name string, required bool) (value any, path string, ok bool) {
	path = join(at, name)
	value, ok = n[name]
	if !ok || value == nil {
		if required {
			r.refuse(path)
		}
		return nil, path, false
	}
	return value, path, true
}

func join(at, name string) string { return strings.TrimPrefix(at+"."+name, ".") }

func index(at string, i int) string { return at + "[" + strconv.Itoa(i) + "]" }

// text reads a string that must satisfy valid.
func (r *reading) text(n node, at, name string, required bool, valid func(string) bool) string {
	value, path, ok := r.get(n, at, name, required)
	if !ok {
		return ""
	}
	s, ok := value.(string)
	if !ok || !valid(s) {
		r.refuse(path)
		return ""
	}
	return s
}

// loose reads a string that only describes.
func (r *reading) loose(n node, at, name string) string {
	s, ok := n[name].(string)
	if !ok && n[name] != nil {
		r.refuse(join(at, name))
	}
	return s
}

// enum is loose for an enumerated value: what is not known departs.
func (r *reading) enum(n node, at, name string, known enumeration) string {
	s := r.loose(n, at, name)
	if _, ok := known[s]; !ok && s != "" {
		r.refuse(join(at, name))
	}
	return s
}

func id(limit int) func(string) bool {
	return func(s string) bool {
		return 1 <= len(s) && len(s) <= limit && strings.IndexFunc(s, func(c rune) bool { return c < 0x20 || c > 0x7e }) < 0
	}
}

func letters(n int) func(string) bool {
	return func(s string) bool {
		return len(s) == n && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
	}
}

func partyID(s string) bool { return id(3)(s) && !strings.Contains(s, " ") }

func anything(string) bool { return true }

func (r *reading) number(n node, at, name string, required bool) Number {
	value, path, ok := r.get(n, at, name, required)
	if !ok {
		return Number{}
	}
	text, isNumber := value.(numberText)
	if s, quoted := value.(string); quoted {
		if tree, err := parseTree([]byte(s)); err == nil {
			text, isNumber = tree.(numberText)
			isNumber = isNumber && string(text) == s
		}
		if x, ok := oracleNumberIf(isNumber, text); ok {
			return x.WithQuoted()
		}
		r.refuse(path)
		return Number{}
	}
	x, ok := oracleNumberIf(isNumber, text)
	if !ok {
		r.refuse(path)
	}
	return x
}

func oracleNumberIf(isNumber bool, text numberText) (Number, bool) {
	if !isNumber {
		return Number{}, false
	}
	return oracleNumber(text)
}

var dateTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$`)

// oracleTime reads a DateTime with the standard library.
func oracleTime(s string) (Time, bool) {
	if s == "1970-1-1T00:00:00Z" {
		return 0, true
	}
	if !dateTime.MatchString(s) { // time.Parse takes more, such as one-digit hours
		return 0, false
	}
	// time.Parse cuts a fraction after nine digits.
	if _, fraction, ok := strings.Cut(s, "."); ok {
		digits := fraction[:len(fraction)-len(strings.TrimLeft(fraction, "0123456789"))]
		if len(digits) > 9 && strings.Trim(digits[9:], "0") != "" {
			return 0, false
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z", "2006-01-02T15:04:05", "2006-01-02T15:04:05-07:00"} {
		t, err := time.Parse(layout, s)
		// Years of the time as written, not as converted.
		if err == nil && t.Year() >= 1678 && t.Year() <= 2261 {
			return TimeOf(t), true
		}
	}
	return 0, false
}

func (r *reading) time(n node, at, name string, required bool) Time {
	value, path, ok := r.get(n, at, name, required)
	if !ok {
		return 0
	}
	s, isText := value.(string)
	t, ok := oracleTime(s)
	if !isText || !ok {
		r.refuse(path)
	}
	return t
}

func (r *reading) boolean(n node, at, name string) bool {
	value, path, ok := r.get(n, at, name, false)
	if !ok {
		return false
	}
	b, ok := value.(bool)
	if !ok {
		r.refuse(path)
	}
	return b
}

// object reads a member that must be an object.
func (r *reading) object(n node, at, name string, required bool) (node, string, bool) {
	value, path, ok := r.get(n, at, name, required)
	if !ok {
		return nil, path, false
	}
	o, ok := value.(node)
	if !ok {
		r.refuse(path)
	}
	return o, path, ok
}

// list reads a member that must be an array of objects and calls each.
func (r *reading) list(n node, at, name string, required bool, each func(n node, at string)) {
	value, path, ok := r.get(n, at, name, required)
	if !ok {
		return
	}
	elements, ok := value.([]any)
	if !ok || required && len(elements) == 0 {
		r.refuse(path)
		return
	}
	for i, e := range elements {
		if o, ok := e.(node); ok {
			each(o, index(path, i))
		} else {
			r.refuse(index(path, i))
			each(nil, "")
		}
	}
}

// price maps R-TYPE-11.
func (r *reading) price(n node, at, name string, required, limit bool) (p Price) {
	if r.v == V211 {
		return Price{Excl: r.number(n, at, name, required)}
	}
	o, path, ok := r.object(n, at, name, required)
	switch {
	case !ok:
	case r.v == V221:
		return Price{Excl: r.number(o, path, "excl_vat", true), Incl: r.number(o, path, "incl_vat", false)}
	case limit:
		return Price{Excl: r.number(o, path, "before_taxes", true), Incl: r.number(o, path, "after_taxes", false)}
	default:
		p.Excl = r.number(o, path, "before_taxes", true)
		r.list(o, path, "taxes", false, func(t node, at string) {
			if t == nil {
				p.Taxes = append(p.Taxes, TaxAmount{})
				return
			}
			p.Taxes = append(p.Taxes, TaxAmount{
				Name: r.loose(t, at, "name"), AccountNumber: r.loose(t, at, "account_number"),
				Percentage: r.number(t, at, "percentage", false), Amount: r.number(t, at, "amount", true),
			})
		})
		if _, present := o["taxes"].([]any); present && p.Excl.IsSet() {
			p.Incl = r.sum(p, join(path, "taxes"))
		}
	}
	return p
}

func (r *reading) sum(p Price, path string) Number {
	total, scale := p.Excl.Decimal(), int32(p.Excl.Scale())
	for _, t := range p.Taxes {
		total = total.Add(t.Amount.Decimal())
		scale = max(scale, int32(t.Amount.Scale()))
		if _, ok := oracleNumber(numberText(total.StringFixed(scale))); !ok {
			r.refuse(path)
			return Number{}
		}
	}
	n, _ := oracleNumber(numberText(total.StringFixed(scale)))
	return n
}

func (r *reading) cdr(tree any) CDR {
	c := CDR{Version: r.v}
	n, ok := tree.(node)
	if !ok {
		r.refuse("$")
		return c
	}
	end := "end_date_time"
	if r.v == V211 {
		end = "stop_date_time"
	}
	c.ID = r.text(n, "", "id", true, id(39))
	c.Start = r.time(n, "", "start_date_time", true)
	c.End = r.time(n, "", end, true)
	c.AuthMethod = r.enum(n, "", "auth_method", authMethods)
	c.MeterID = r.loose(n, "", "meter_id")
	c.Currency = strings.ToUpper(r.text(n, "", "currency", true, letters(3)))
	r.list(n, "", "tariffs", false, func(t node, at string) { c.Tariffs = append(c.Tariffs, r.tariff(t, at, true)) })
	c.Periods = r.periods(n)
	c.TotalCost = r.price(n, "", "total_cost", true, false)
	c.TotalEnergy = r.number(n, "", "total_energy", true)
	c.TotalTime = r.number(n, "", "total_time", true)
	c.TotalParkingTime = r.number(n, "", "total_parking_time", false)
	c.LastUpdated = r.time(n, "", "last_updated", true)
	if r.v == V211 {
		r.cdr211(n, &c)
	} else {
		r.cdr22(n, &c)
	}
	return c
}

func (r *reading) cdr211(n node, c *CDR) {
	c.Token.ContractID = r.text(n, "", "auth_id", true, id(36))
	l, at, ok := r.object(n, "", "location", true)
	if !ok {
		return
	}
	c.Location = CDRLocation{
		ID: r.text(l, at, "id", true, id(39)), Country: r.loose(l, at, "country"),
		TimeZone: r.text(l, at, "time_zone", false, func(s string) bool { return s == "" || id(255)(s) }),
	}
	c.Location.Latitude, c.Location.Longitude = r.coordinates(l, at)
	r.time(l, at, "last_updated", false)
	first := true
	r.list(l, at, "evses", false, func(e node, at string) {
		uid := ""
		if e != nil {
			uid = r.text(e, at, "uid", true, id(39))
			r.time(e, at, "last_updated", false)
		}
		if first {
			c.Location.EVSEUID, c.Location.EVSEID = uid, r.loose(e, at, "evse_id")
		}
		firstConnector := first
		first = false
		if e == nil {
			return
		}
		r.list(e, at, "connectors", false, func(k node, at string) {
			kid, volt, ampere := "", Number{}, Number{}
			if k != nil {
				kid = r.text(k, at, "id", true, id(36))
				r.text(k, at, "tariff_id", false, id(36))
				r.time(k, at, "last_updated", false)
				volt, ampere = r.number(k, at, "voltage", false), r.number(k, at, "amperage", false)
			}
			if firstConnector {
				c.Location.ConnectorID, c.Location.MaxVoltage, c.Location.MaxAmperage = kid, volt, ampere
				c.Location.ConnectorType, c.Location.Format = r.enum(k, at, "standard", connectorTypes), r.enum(k, at, "format", connectorFormats)
				c.Location.PowerType = r.enum(k, at, "power_type", powerTypes)
			}
			firstConnector = false
		})
	})
}

func (r *reading) coordinates(n node, at string) (latitude, longitude string) {
	o, at, _ := r.object(n, at, "coordinates", false)
	return r.loose(o, at, "latitude"), r.loose(o, at, "longitude")
}

func (r *reading) cdr22(n node, c *CDR) {
	c.CountryCode = r.text(n, "", "country_code", true, letters(2))
	c.PartyID = r.text(n, "", "party_id", true, partyID)
	c.SessionID = r.loose(n, "", "session_id")
	c.AuthorizationReference = r.loose(n, "", "authorization_reference")
	c.InvoiceReferenceID = r.loose(n, "", "invoice_reference_id")
	c.TotalFixedCost = r.price(n, "", "total_fixed_cost", false, false)
	c.TotalEnergyCost = r.price(n, "", "total_energy_cost", false, false)
	c.TotalTimeCost = r.price(n, "", "total_time_cost", false, false)
	c.TotalParkingCost = r.price(n, "", "total_parking_cost", false, false)
	c.TotalReservationCost = r.price(n, "", "total_reservation_cost", false, false)
	c.Credit = r.boolean(n, "", "credit")
	c.CreditReferenceID = r.text(n, "", "credit_reference_id", c.Credit, id(39))
	c.HomeCharging = r.boolean(n, "", "home_charging_compensation")
	if t, at, ok := r.object(n, "", "cdr_token", true); ok {
		c.Token = CDRToken{
			CountryCode: r.text(t, at, "country_code", true, letters(2)), PartyID: r.text(t, at, "party_id", true, partyID),
			UID: r.text(t, at, "uid", true, id(36)), Type: r.enum(t, at, "type", tokenTypes), ContractID: r.text(t, at, "contract_id", true, id(36)),
		}
	}
	l, at, ok := r.object(n, "", "cdr_location", true)
	if !ok {
		return
	}
	c.Location = CDRLocation{
		ID: r.text(l, at, "id", true, id(36)), Country: r.loose(l, at, "country"),
		EVSEUID: r.loose(l, at, "evse_uid"), EVSEID: r.loose(l, at, "evse_id"), ConnectorID: r.loose(l, at, "connector_id"),
		ConnectorType: r.enum(l, at, "connector_standard", connectorTypes), Format: r.enum(l, at, "connector_format", connectorFormats),
		PowerType: r.enum(l, at, "connector_power_type", powerTypes),
	}
	c.Location.Latitude, c.Location.Longitude = r.coordinates(l, at)
}

func (r *reading) periods(n node) (periods []ChargingPeriod) {
	r.list(n, "", "charging_periods", true, func(n node, at string) {
		if n == nil {
			periods = append(periods, ChargingPeriod{})
			return
		}
		p := ChargingPeriod{Start: r.time(n, at, "start_date_time", true)}
		if r.v != V211 {
			p.TariffID = r.text(n, at, "tariff_id", false, id(36))
		}
		r.list(n, at, "dimensions", true, func(n node, at string) {
			v := Volume{}
			if n != nil {
				name := r.text(n, at, "type", true, anything)
				for dim := DimEnergy; dim <= DimStateOfCharge; dim++ {
					if dim.String() == name {
						v.Dimension = dim
					}
				}
				if v.Dimension == DimUnknown {
					r.refuse(join(at, "type"))
				}
				v.Volume = r.number(n, at, "volume", true)
			}
			p.Dimensions = append(p.Dimensions, v)
		})
		periods = append(periods, p)
	})
	return periods
}
