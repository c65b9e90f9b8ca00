package rest_test

import (
	"testing"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/shopspring/decimal"
)

func TestMoneyAndQuantity(t *testing.T) {
	for _, tc := range []struct{ in, money, quantity string }{
		{"0", "0.00", "0"},
		{"12", "12.00", "12"},
		{"12.5", "12.50", "12.5"},
		{"-12.500000000000", "-12.50", "-12.5"},
		{"0.1234", "0.1234", "0.1234"},
		{"100", "100.00", "100"},
		{"1e3", "1000.00", "1000"},
		{"-0.000", "0.00", "0"},
		{"0.000000000001", "0.000000000001", "0.000000000001"},
		{"98765432109876543210987654.123456789012", "98765432109876543210987654.123456789012", "98765432109876543210987654.123456789012"},
	} {
		d := decimal.RequireFromString(tc.in)
		if got := rest.Money(d); got != tc.money {
			t.Errorf("Money(%s) = %s, want %s", tc.in, got, tc.money)
		}
		if got := rest.Quantity(d); got != tc.quantity {
			t.Errorf("Quantity(%s) = %s, want %s", tc.in, got, tc.quantity)
		}
	}
}
