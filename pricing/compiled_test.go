package pricing

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

const cachedTariff = `{"country_code":"GB","party_id":"DUN","id":"T%d","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.25,"vat":20,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`

func text(i int) []byte { return fmt.Appendf(nil, cachedTariff, i) }

func compileText(t *testing.T, v ocpi.Version, text []byte) *compiledTariff {
	t.Helper()
	var p Pricer
	decoded, err := p.beside.Tariff(v, text)
	if err != nil {
		t.Fatal(err)
	}
	return p.compile(decoded, text)
}

// The cache holds what is used and stays within its bound, whatever comes by.
func TestTariffCacheIsBounded(t *testing.T) {
	sample := compileText(t, ocpi.V221, text(0))
	c := newTariffCache(100 * sample.bytes(len(text(0))))
	used := text(1)
	c.put(ocpi.V221, used, sample)
	for i := 2; i < 5000; i++ {
		c.put(ocpi.V221, text(i), sample)
		if c.young.bytes > c.limit || c.old.bytes > c.limit {
			t.Fatalf("after %d tariffs the generations take %d and %d bytes, the bound of each is %d", i, c.young.bytes, c.old.bytes, c.limit)
		}
		if i%20 == 0 && c.get(ocpi.V221, used) == nil {
			t.Fatalf("after %d tariffs one that is used all along is gone", i)
		}
	}
	if c.get(ocpi.V221, text(2)) != nil {
		t.Error("the second of 5,000 tariffs is kept although there is room for 100")
	}
	if c.get(ocpi.V230, used) != nil || c.get(ocpi.V211, used) != nil {
		t.Error("a text is found in a version it was not compiled in")
	}
	large := []byte(strings.Repeat("x", c.limit/4))
	if c.put(ocpi.V221, large, sample); c.get(ocpi.V221, large) != nil {
		t.Error("one tariff takes a quarter of the room")
	}
}

func TestTariffCacheIsShared(t *testing.T) {
	sample := compileText(t, ocpi.V221, text(0))
	c := newTariffCache(50 * sample.bytes(len(text(0))))
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for i := range 2000 {
				key := text(i % 70)
				if c.get(ocpi.V221, key) == nil {
					c.put(ocpi.V221, key, sample)
				}
			}
		})
	}
	workers.Wait()
	key := text(69)
	if n := testing.AllocsPerRun(100, func() { c.get(ocpi.V221, key) }); n != 0 {
		t.Errorf("a look-up makes %v allocations", n)
	}
}
