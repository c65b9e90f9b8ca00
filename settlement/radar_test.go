package settlement

import (
	"testing"
	"time"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// Whose doing a change is follows from when it says that it changed, when it came, and
// what the version before says.
func TestOriginOfAChange(t *testing.T) {
	at := func(minutes int) ocpi.Time {
		return ocpi.TimeOf(time.Date(2026, 1, 1, 0, minutes, 0, 0, time.UTC))
	}
	for _, tt := range []struct {
		name string
		step TariffStep
		want ChangeOrigin
	}{
		{"it came when it changed", TariffStep{LastUpdated: at(0), Received: at(1), BeforeUpdated: at(-60)}, OriginCPO},
		{"within the hour", TariffStep{LastUpdated: at(0), Received: at(60), BeforeUpdated: at(-60)}, OriginCPO},
		{"later", TariffStep{LastUpdated: at(0), Received: at(61), BeforeUpdated: at(-60)}, OriginCopy},
		{"its clock is ahead", TariffStep{LastUpdated: at(90), Received: at(0), BeforeUpdated: at(-60)}, OriginCPO},
		{"it says that it did not change", TariffStep{LastUpdated: at(0), Received: at(300), BeforeUpdated: at(0)}, OriginUnsaid},
		{"neither says when", TariffStep{Received: at(300)}, OriginUnsaid},
		{"the first one is late", TariffStep{LastUpdated: at(0), Received: at(300), FirstOne: true}, OriginCopy},
		{"the same as before it was withdrawn", TariffStep{LastUpdated: at(0), Received: at(1), BeforeUpdated: at(0), BeforeGone: true}, OriginCPO},
		{"withdrawn", TariffStep{Received: at(300), Withdrawn: true}, OriginCPO},
	} {
		if got := originOf(&TariffChange{TariffStep: tt.step}); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// A sum with tax is known only where it is of all.
func TestMoneyOfAChange(t *testing.T) {
	n := func(s string) ocpi.Number {
		v, err := ocpi.ParseNumber(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	m := ChangeMoney{Incl: new(decimal.Decimal)}
	m.add(&pricing.Swapped{With: tariff.Money{Excl: n("7.4"), Incl: n("8.88")}, Instead: tariff.Money{Excl: n("7"), Incl: n("8.4")}})
	m.add(&pricing.Swapped{With: tariff.Money{Excl: n("1"), Incl: n("1.2")}, Instead: tariff.Money{Excl: n("1.5"), Incl: n("1.8")}})
	if m.Priced != 2 || m.Excl.String() != "-0.1" || m.Incl == nil || m.Incl.String() != "-0.12" {
		t.Errorf("%+v", m)
	}
	m.add(&pricing.Swapped{With: tariff.Money{Excl: n("2")}, Instead: tariff.Money{Excl: n("1")}})
	if m.Priced != 3 || m.Excl.String() != "0.9" || m.Incl != nil {
		t.Errorf("%+v", m)
	}
}
