package clickhouse

import (
	"encoding/binary"
	"math/big"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func bigOf(d proto.Decimal128) *big.Int {
	v := new(big.Int).SetUint64(d.High)
	v.Lsh(v, 64).Add(v, new(big.Int).SetUint64(d.Low))
	if d.High>>63 == 1 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), 128))
	}
	return v
}

func TestDecimal128IsExact(t *testing.T) {
	const bound = 1e18 - 1 // 18 digits
	rapid.Check(t, func(t *rapid.T) {
		n := ocpi.NewNumber(rapid.Int64Range(-bound, bound).Draw(t, "coef"), uint8(rapid.IntRange(0, 12).Draw(t, "scale")))
		got := decimal.NewFromBigInt(bigOf(decimal128(n)), -moneyScale)
		if !got.Equal(n.Decimal()) {
			t.Errorf("%s became %s", n, got)
		}
	})
}

func TestSumsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		coefficient, _ := new(big.Int).SetString(rapid.StringMatching(`-?[1-9][0-9]{0,37}`).Draw(t, "coefficient"), 10)
		d := decimal.NewFromBigInt(coefficient, int32(rapid.IntRange(-14, 30).Draw(t, "exponent")))
		kept := d.Equal(d.Truncate(moneyScale)) && d.Abs().LessThan(decimal.New(1, 26))
		if err := fits(&d); (err == nil) != kept {
			t.Fatalf("%s: %v", d, err)
		}
		if !kept {
			return
		}
		stored := decimal128Of(d)
		if got := decimal.NewFromBigInt(bigOf(stored), -moneyScale); !got.Equal(d) {
			t.Errorf("%s became %s", d, got)
		}
		raw := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, stored.Low), stored.High)
		r := rowReader{rest: string(raw)}
		if got := r.sum(); !got.Equal(d) || r.end() != nil {
			t.Errorf("%s is read as %s", d, got)
		}
	})
}

// The whole way through the driver and the engine: nothing is truncated,
// nothing that is absent becomes zero.
func TestAmountsComeBackExact(t *testing.T) {
	s := newStore(t)
	numbers := []string{"0", "999999999999999999", "-999999999999999999", "0.000000000001", "-0.999999999999", "123456.789012345678", "1.99999", "-"}
	b := batchOf(t, 0, 0, "")
	for i, text := range numbers {
		row := batchOf(t, 0, int64(i), "GB*DUN NL*EXW x 2019-01-15 GBP "+text+"/"+text+" priced "+text+"/"+text+" -").Rows[0]
		row.Record.Key.ID = text
		row.Outcome.Taxes = []tariff.Tax{{Name: "VAT", Percentage: numberIn(text), Amount: numberIn(text)}}
		b.Rows = append(b.Rows, row)
	}
	b.Next = int64(len(numbers))
	write(t, s, b)
	for _, text := range numbers {
		d, err := s.CDR(t.Context(), keyOf(text))
		if err != nil {
			t.Fatal(err)
		}
		var want *decimal.Decimal
		amount := "0"
		if text != "-" {
			want, amount = dec(text), text
		}
		equal := cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) })
		got := []*decimal.Decimal{d.ClaimedExcl, d.ClaimedIncl, d.ComputedExcl, d.ComputedIncl, d.Taxes[0].Percentage}
		if diff := cmp.Diff([]*decimal.Decimal{want, want, want, want, want}, got, equal); diff != "" {
			t.Errorf("%s: -want +got:\n%s", text, diff)
		}
		if !d.Taxes[0].Amount.Equal(*dec(amount)) {
			t.Errorf("%s: tax %s", text, d.Taxes[0].Amount)
		}
	}
}
