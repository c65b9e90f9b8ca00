package ocpi

import (
	"bytes"
	"crypto/sha256"
	stdjson "encoding/json"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/shopspring/decimal"
)

// benchBodies are the CDRs that the outside engines were measured on, as they
// are and without their white space.
func benchBodies(b *testing.B) map[string][]byte {
	bodies := map[string][]byte{}
	for _, name := range []string{"simple1_221", "complex10_221"} {
		raw := readTestdata(b, name+".json")
		var compact bytes.Buffer
		if err := stdjson.Compact(&compact, raw); err != nil {
			b.Fatal(err)
		}
		bodies[name+"/pretty"], bodies[name+"/compact"] = raw, compact.Bytes()
	}
	return bodies
}

func benchmarkBodies(b *testing.B, f func(b *testing.B, raw []byte)) {
	for name, raw := range benchBodies(b) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			f(b, raw)
		})
	}
}

func BenchmarkDecodeCDR(b *testing.B) {
	benchmarkBodies(b, func(b *testing.B, raw []byte) {
		var d Decoder
		for b.Loop() {
			if _, err := d.CDR(V221, raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCanonicalHash(b *testing.B) {
	benchmarkBodies(b, func(b *testing.B, raw []byte) {
		var d Decoder
		for b.Loop() {
			if _, err := d.CanonicalHash(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSHA256 is the floor of BenchmarkCanonicalHash.
func BenchmarkSHA256(b *testing.B) {
	benchmarkBodies(b, func(b *testing.B, raw []byte) {
		for b.Loop() {
			sha256.Sum256(raw)
		}
	})
}

func BenchmarkDecodeEncodingJSON(b *testing.B) {
	benchmarkBodies(b, func(b *testing.B, raw []byte) {
		for b.Loop() {
			var c plainCDR
			if err := stdjson.Unmarshal(raw, &c); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecodeJSONv2(b *testing.B) {
	benchmarkBodies(b, func(b *testing.B, raw []byte) {
		for b.Loop() {
			var c plainCDR
			if err := jsonv2.Unmarshal(raw, &c); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// plainCDR is what an idiomatic program would decode a 2.2.1 CDR into.
type plainCDR struct {
	CountryCode            string        `json:"country_code"`
	PartyID                string        `json:"party_id"`
	ID                     string        `json:"id"`
	StartDateTime          string        `json:"start_date_time"`
	EndDateTime            string        `json:"end_date_time"`
	SessionID              string        `json:"session_id"`
	CDRToken               plainToken    `json:"cdr_token"`
	AuthMethod             string        `json:"auth_method"`
	AuthorizationReference string        `json:"authorization_reference"`
	CDRLocation            plainLocation `json:"cdr_location"`
	MeterID                string        `json:"meter_id"`
	Currency               string        `json:"currency"`
	Tariffs                []plainTariff `json:"tariffs"`
	ChargingPeriods        []plainPeriod `json:"charging_periods"`
	TotalCost              plainPrice    `json:"total_cost"`
	TotalFixedCost         *plainPrice   `json:"total_fixed_cost"`
	TotalEnergy            plainDecimal  `json:"total_energy"`
	TotalEnergyCost        *plainPrice   `json:"total_energy_cost"`
	TotalTime              plainDecimal  `json:"total_time"`
	TotalTimeCost          *plainPrice   `json:"total_time_cost"`
	TotalParkingTime       *plainDecimal `json:"total_parking_time"`
	TotalParkingCost       *plainPrice   `json:"total_parking_cost"`
	Credit                 bool          `json:"credit"`
	CreditReferenceID      string        `json:"credit_reference_id"`
	LastUpdated            string        `json:"last_updated"`
}

type plainToken struct {
	CountryCode string `json:"country_code"`
	PartyID     string `json:"party_id"`
	UID         string `json:"uid"`
	Type        string `json:"type"`
	ContractID  string `json:"contract_id"`
}

type plainLocation struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Address     string `json:"address"`
	City        string `json:"city"`
	PostalCode  string `json:"postal_code"`
	Country     string `json:"country"`
	Coordinates struct {
		Latitude  string `json:"latitude"`
		Longitude string `json:"longitude"`
	} `json:"coordinates"`
	EVSEUID            string `json:"evse_uid"`
	EVSEID             string `json:"evse_id"`
	ConnectorID        string `json:"connector_id"`
	ConnectorStandard  string `json:"connector_standard"`
	ConnectorFormat    string `json:"connector_format"`
	ConnectorPowerType string `json:"connector_power_type"`
}

type plainTariff struct {
	CountryCode string      `json:"country_code"`
	PartyID     string      `json:"party_id"`
	ID          string      `json:"id"`
	Currency    string      `json:"currency"`
	Type        string      `json:"type"`
	MinPrice    *plainPrice `json:"min_price"`
	MaxPrice    *plainPrice `json:"max_price"`
	Elements    []struct {
		PriceComponents []struct {
			Type     string        `json:"type"`
			Price    plainDecimal  `json:"price"`
			VAT      *plainDecimal `json:"vat"`
			StepSize int           `json:"step_size"`
		} `json:"price_components"`
		Restrictions *struct {
			StartTime   string        `json:"start_time"`
			EndTime     string        `json:"end_time"`
			StartDate   string        `json:"start_date"`
			EndDate     string        `json:"end_date"`
			MinKWh      *plainDecimal `json:"min_kwh"`
			MaxKWh      *plainDecimal `json:"max_kwh"`
			MinCurrent  *plainDecimal `json:"min_current"`
			MaxCurrent  *plainDecimal `json:"max_current"`
			MinPower    *plainDecimal `json:"min_power"`
			MaxPower    *plainDecimal `json:"max_power"`
			MinDuration *int          `json:"min_duration"`
			MaxDuration *int          `json:"max_duration"`
			DayOfWeek   []string      `json:"day_of_week"`
			Reservation string        `json:"reservation"`
		} `json:"restrictions"`
	} `json:"elements"`
	LastUpdated string `json:"last_updated"`
}

type plainPeriod struct {
	StartDateTime string `json:"start_date_time"`
	Dimensions    []struct {
		Type   string       `json:"type"`
		Volume plainDecimal `json:"volume"`
	} `json:"dimensions"`
	TariffID string `json:"tariff_id"`
}

type plainPrice struct {
	ExclVAT plainDecimal  `json:"excl_vat"`
	InclVAT *plainDecimal `json:"incl_vat"`
}

// plainDecimal is shopspring's, which both libraries fill by UnmarshalJSON.
type plainDecimal = decimal.Decimal
