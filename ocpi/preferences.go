package ocpi

import (
	"encoding/json"
	"slices"
	"strings"
)

// ChargingPreferences are what a driver wants of a charge under way (2.2.1
// mod_sessions, "ChargingPreferences Object"). Members that are not set are left out.
type ChargingPreferences struct {
	ProfileType      string       `json:"profile_type"`
	DepartureTime    string       `json:"departure_time,omitempty"`
	EnergyNeed       *json.Number `json:"energy_need,omitempty"` // kWh
	DischargeAllowed *bool        `json:"discharge_allowed,omitempty"`
}

var profileTypes = []string{"CHEAP", "FAST", "GREEN", "REGULAR"}

// ReadChargingPreferences reads and checks them. Errors: *SyntaxError, *Invalid.
func ReadChargingPreferences(raw []byte) (p ChargingPreferences, err error) {
	o, err := SplitObject(raw)
	if err != nil {
		return p, err
	}
	r := commandReader{object: o, version: V221}
	p.ProfileType = r.text("profile_type", 36, true)
	if p.ProfileType != "" && !slices.Contains(profileTypes, p.ProfileType) {
		r.wrong("profile_type", "want one of "+strings.Join(profileTypes, ", "))
	}
	if p.DepartureTime = r.text("departure_time", 64, false); p.DepartureTime != "" {
		if _, _, err := ParseTime(p.DepartureTime); err != nil {
			r.wrong("departure_time", err.Error())
		}
	}
	if value := o.Value("energy_need"); value != "" {
		n, err := ParseNumber(RawText(value))
		if err != nil || n.Sign() < 0 {
			r.wrong("energy_need", "want kWh, not less than 0")
		}
		need := json.Number(n.String())
		p.EnergyNeed = &need
	}
	if value := o.Value("discharge_allowed"); value != "" {
		allowed := value == "true"
		if !allowed && value != "false" {
			r.wrong("discharge_allowed", "want true or false")
		}
		p.DischargeAllowed = &allowed
	}
	if len(r.fields) > 0 {
		return p, &Invalid{Fields: r.fields}
	}
	return p, nil
}

// ChargingPreferencesResponses are what a CPO answers to them (2.2.1 mod_sessions,
// "ChargingPreferencesResponse").
var ChargingPreferencesResponses = []string{"ACCEPTED", "DEPARTURE_REQUIRED", "ENERGY_NEED_REQUIRED", "NOT_POSSIBLE", "PROFILE_TYPE_NOT_SUPPORTED"}

// ReadChargingPreferencesResponse reads the answer: a string, or as some send it an
// object with a member result; "" where it is none.
func ReadChargingPreferencesResponse(raw []byte) string {
	said := RawText(strings.TrimSpace(string(raw)))
	if said == "" {
		said = Text(raw, "result")
	}
	if i := slices.Index(ChargingPreferencesResponses, strings.ToUpper(said)); i >= 0 {
		return ChargingPreferencesResponses[i]
	}
	return ""
}
