package world

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"
)

// The bodies as OCPI 2.2.1 names their members, in the order partners tend to
// send them. Numbers are json.Number: exact, as printed.

type priceBody struct {
	Excl json.Number `json:"excl_vat"`
	Incl json.Number `json:"incl_vat,omitempty"`
}

type tokenBody struct {
	CountryCode string `json:"country_code"`
	PartyID     string `json:"party_id"`
	UID         string `json:"uid"`
	Type        string `json:"type"`
	ContractID  string `json:"contract_id"`
	Issuer      string `json:"issuer"`
	Valid       bool   `json:"valid"`
	Whitelist   string `json:"whitelist"`
	LastUpdated string `json:"last_updated"`
}

type cdrTokenBody struct {
	CountryCode string `json:"country_code"`
	PartyID     string `json:"party_id"`
	UID         string `json:"uid"`
	Type        string `json:"type"`
	ContractID  string `json:"contract_id"`
}

type coordinatesBody struct {
	Latitude  string `json:"latitude"`
	Longitude string `json:"longitude"`
}

type connectorBody struct {
	ID          string   `json:"id"`
	Standard    string   `json:"standard"`
	Format      string   `json:"format"`
	PowerType   string   `json:"power_type"`
	MaxVoltage  int64    `json:"max_voltage"`
	MaxAmperage int64    `json:"max_amperage"`
	MaxPower    int64    `json:"max_electric_power"`
	TariffIDs   []string `json:"tariff_ids"`
	LastUpdated string   `json:"last_updated"`
}

type evseBody struct {
	UID          string          `json:"uid"`
	EVSEID       string          `json:"evse_id"`
	Status       string          `json:"status"`
	Capabilities []string        `json:"capabilities"`
	Connectors   []connectorBody `json:"connectors"`
	LastUpdated  string          `json:"last_updated"`
}

type operatorBody struct {
	Name string `json:"name"`
}

type openBody struct {
	AllDay bool `json:"twentyfourseven"`
}

type locationBody struct {
	CountryCode string          `json:"country_code"`
	PartyID     string          `json:"party_id"`
	ID          string          `json:"id"`
	Publish     bool            `json:"publish"`
	Name        string          `json:"name"`
	Address     string          `json:"address"`
	City        string          `json:"city"`
	PostalCode  string          `json:"postal_code"`
	Country     string          `json:"country"`
	Coordinates coordinatesBody `json:"coordinates"`
	EVSEs       []evseBody      `json:"evses"`
	Operator    operatorBody    `json:"operator"`
	TimeZone    string          `json:"time_zone"`
	Open        openBody        `json:"opening_times"`
	LastUpdated string          `json:"last_updated"`
}

type dimensionBody struct {
	Type   string      `json:"type"`
	Volume json.Number `json:"volume"`
}

type periodBody struct {
	Start      string          `json:"start_date_time"`
	Dimensions []dimensionBody `json:"dimensions"`
	TariffID   string          `json:"tariff_id,omitempty"`
}

type cdrLocationBody struct {
	ID          string          `json:"id"`
	Name        string          `json:"name,omitempty"`
	Address     string          `json:"address"`
	City        string          `json:"city"`
	PostalCode  string          `json:"postal_code"`
	Country     string          `json:"country"`
	Coordinates coordinatesBody `json:"coordinates"`
	EVSEUID     string          `json:"evse_uid"`
	EVSEID      string          `json:"evse_id"`
	ConnectorID string          `json:"connector_id"`
	Standard    string          `json:"connector_standard"`
	Format      string          `json:"connector_format"`
	PowerType   string          `json:"connector_power_type"`
}

type signedValueBody struct {
	Nature     string `json:"nature"`
	PlainData  string `json:"plain_data"`
	SignedData string `json:"signed_data"`
}

type signedDataBody struct {
	EncodingMethod string            `json:"encoding_method"`
	PublicKey      string            `json:"public_key"`
	SignedValues   []signedValueBody `json:"signed_values"`
}

type sessionBody struct {
	CountryCode string        `json:"country_code,omitempty"`
	PartyID     string        `json:"party_id,omitempty"`
	ID          string        `json:"id,omitempty"`
	Start       string        `json:"start_date_time,omitempty"`
	End         string        `json:"end_date_time,omitempty"`
	KWh         json.Number   `json:"kwh"`
	Token       *cdrTokenBody `json:"cdr_token,omitempty"`
	AuthMethod  string        `json:"auth_method,omitempty"`
	AuthRef     string        `json:"authorization_reference,omitempty"`
	LocationID  string        `json:"location_id,omitempty"`
	EVSEUID     string        `json:"evse_uid,omitempty"`
	ConnectorID string        `json:"connector_id,omitempty"`
	Currency    string        `json:"currency,omitempty"`
	Periods     []periodBody  `json:"charging_periods,omitempty"`
	TotalCost   *priceBody    `json:"total_cost,omitempty"`
	Status      string        `json:"status,omitempty"`
	LastUpdated string        `json:"last_updated"`
}

type cdrBody struct {
	CountryCode     string            `json:"country_code"`
	PartyID         string            `json:"party_id"`
	ID              string            `json:"id"`
	Start           string            `json:"start_date_time"`
	End             string            `json:"end_date_time"`
	SessionID       string            `json:"session_id"`
	Token           *cdrTokenBody     `json:"cdr_token,omitempty"`
	AuthMethod      string            `json:"auth_method"`
	AuthRef         string            `json:"authorization_reference,omitempty"`
	Location        *cdrLocationBody  `json:"cdr_location,omitempty"`
	MeterID         string            `json:"meter_id,omitempty"`
	Currency        string            `json:"currency,omitempty"`
	Tariffs         []json.RawMessage `json:"tariffs,omitempty"`
	Periods         []periodBody      `json:"charging_periods"`
	SignedData      *signedDataBody   `json:"signed_data,omitempty"`
	TotalCost       *priceBody        `json:"total_cost,omitempty"`
	TotalFixed      *priceBody        `json:"total_fixed_cost,omitempty"`
	TotalEnergy     json.Number       `json:"total_energy,omitempty"`
	TotalEnergyCost *priceBody        `json:"total_energy_cost,omitempty"`
	TotalTime       json.Number       `json:"total_time"`
	TotalTimeCost   *priceBody        `json:"total_time_cost,omitempty"`
	TotalParking    json.Number       `json:"total_parking_time,omitempty"`
	TotalParkCost   *priceBody        `json:"total_parking_cost,omitempty"`
	Remark          string            `json:"remark,omitempty"`
	Credit          bool              `json:"credit,omitempty"`
	CreditReference string            `json:"credit_reference_id,omitempty"`
	LastUpdated     string            `json:"last_updated"`
}

// text is a body's JSON. Like many partners, it leaves "&" as it is.
func text(body any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		panic(err) // only our own types and numbers come here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// reserialise is the same content in another notation: members sorted by
// name, indented, as a partner's retry through another system may send it.
func reserialise(body []byte) []byte {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		panic(err) // our own text
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text(members), "", "  "); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// kwh prints watt hours as kWh.
func kwh(wattHours int64) json.Number { return number(decimal.New(wattHours, -3)) }

// hours prints a duration as hours with OCPI's 4 decimals.
func hours(d time.Duration) json.Number {
	return number(decimal.NewFromInt(int64(d/time.Second)).DivRound(decimal.NewFromInt(3600), 4))
}

func number(d decimal.Decimal) json.Number { return json.Number(d.String()) }
