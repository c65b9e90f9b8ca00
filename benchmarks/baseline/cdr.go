// Package baseline is the same pipeline as a good Go developer writes it in an
// afternoon, with the same libraries used the way their documentation shows:
// gin's ShouldBindBodyWithJSON into structs with shopspring decimals, kafka-go's Writer
// with 10 ms batches and acks of all replicas, c.JSON; then kafka-go's Reader,
// encoding/json, shopspring arithmetic and clickhouse-go's row-wise Append into
// tables of the product's own shape. It stores the same bytes. It has none of
// the product's checks (validation, partners, canonical hash, continuity of
// offsets, findings, comparison of profiles): it is cheaper than it may be,
// and what it costs is a lower bound.
package baseline

import (
	"time"

	"github.com/shopspring/decimal"
)

// CDR is an OCPI 2.2.1 CDR, as far as it is priced and stored.
type CDR struct {
	CountryCode     string           `json:"country_code" binding:"required"`
	PartyID         string           `json:"party_id" binding:"required"`
	ID              string           `json:"id" binding:"required"`
	Start           time.Time        `json:"start_date_time"`
	End             time.Time        `json:"end_date_time"`
	SessionID       string           `json:"session_id"`
	Token           Token            `json:"cdr_token"`
	AuthMethod      string           `json:"auth_method"`
	Location        Location         `json:"cdr_location"`
	MeterID         string           `json:"meter_id"`
	Currency        string           `json:"currency"`
	Tariffs         []Tariff         `json:"tariffs"`
	Periods         []Period         `json:"charging_periods"`
	TotalCost       Price            `json:"total_cost"`
	TotalFixed      *Price           `json:"total_fixed_cost"`
	TotalEnergy     decimal.Decimal  `json:"total_energy"`
	TotalEnergyCost *Price           `json:"total_energy_cost"`
	TotalTime       decimal.Decimal  `json:"total_time"`
	TotalTimeCost   *Price           `json:"total_time_cost"`
	TotalParking    *decimal.Decimal `json:"total_parking_time"`
	TotalParkCost   *Price           `json:"total_parking_cost"`
	Credit          bool             `json:"credit"`
	CreditReference string           `json:"credit_reference_id"`
	LastUpdated     time.Time        `json:"last_updated"`
}

// Token is a CdrToken.
type Token struct {
	CountryCode string `json:"country_code"`
	PartyID     string `json:"party_id"`
	UID         string `json:"uid"`
	Type        string `json:"type"`
	ContractID  string `json:"contract_id"`
}

// Location is a CdrLocation.
type Location struct {
	ID      string `json:"id"`
	Country string `json:"country"`
	EVSEUID string `json:"evse_uid"`
}

// Price is an amount before and after tax.
type Price struct {
	Excl decimal.Decimal  `json:"excl_vat"`
	Incl *decimal.Decimal `json:"incl_vat"`
}

// Period is a charging period.
type Period struct {
	Start      time.Time   `json:"start_date_time"`
	Dimensions []Dimension `json:"dimensions"`
	TariffID   string      `json:"tariff_id"`
}

// Dimension is a measured volume.
type Dimension struct {
	Type   string          `json:"type"`
	Volume decimal.Decimal `json:"volume"`
}

// Tariff is a price list.
type Tariff struct {
	ID       string    `json:"id"`
	Currency string    `json:"currency"`
	Min      *Price    `json:"min_price"`
	Max      *Price    `json:"max_price"`
	Elements []Element `json:"elements"`
}

// Element is a tariff element.
type Element struct {
	Components   []Component   `json:"price_components"`
	Restrictions *Restrictions `json:"restrictions"`
}

// Component is a price component.
type Component struct {
	Type  string           `json:"type"`
	Price decimal.Decimal  `json:"price"`
	VAT   *decimal.Decimal `json:"vat"`
	Step  int64            `json:"step_size"`
}

// Restrictions of a tariff element.
type Restrictions struct {
	StartTime   string   `json:"start_time"`
	EndTime     string   `json:"end_time"`
	MinDuration int64    `json:"min_duration"`
	MaxDuration int64    `json:"max_duration"`
	DayOfWeek   []string `json:"day_of_week"`
}
