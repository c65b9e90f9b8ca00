package convert

import (
	"github.com/roamclear/roamclear/ocpi"
)

// sessionClass is a Session (mod_sessions).
var sessionClass = func() *class {
	k := newClass(
		since221("country_code", ownerCountry),
		since221("party_id", ownerParty),
		same("id", nil),
		named("start_datetime", "start_date_time", nil),
		named("end_datetime", "end_date_time", nil),
		same("kwh", nil),
		named("auth_id", "cdr_token", cdrToken),
		same("auth_method", authMethods.otherwise("AUTH_REQUEST")),
		since221("authorization_reference", nil),
		only211("location", sessionPlaceUp),
		since221("location_id", sessionPlaceDown),
		since221("evse_uid", ofPlace),
		since221("connector_id", ofPlace),
		same("meter_id", nil),
		same("currency", nil),
		same("charging_periods", nested(periodClass)),
		same("total_cost", value(price)),
		same("status", sessionStatuses.otherwise("PENDING")),
		same("last_updated", nil),
	)
	k.begin = beginCharge
	k.end = needToken
	return k
}()

// sessionStatuses were never opened. Prose of 2.2.1 says RESERVED of a Session that is
// a RESERVATION.
var sessionStatuses = enumeration{
	ocpi.V211: values("ACTIVE COMPLETED INVALID PENDING"),
	ocpi.V221: values("ACTIVE COMPLETED INVALID PENDING RESERVATION RESERVED"),
	ocpi.V230: values("ACTIVE COMPLETED INVALID PENDING RESERVATION RESERVED"),
}
