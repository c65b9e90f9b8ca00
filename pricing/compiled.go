package pricing

import (
	"encoding/hex"
	"sync"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/lint"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// compiledTariff is a tariff as the engine wants it, or why it cannot be priced
// with.
type compiledTariff struct {
	prepared *tariff.Prepared
	err      error
	hash     string // hex SHA-256 of its canonical JSON
	doubtful bool   // see lint.Doubtful
}

// compiledBytes bounds what all compiled tariffs of the process take together.
const compiledBytes = 64 << 20

// compiled are the tariffs that this process has compiled, for all Pricers:
// workers of many partitions meet the same tariffs.
var compiled = newTariffCache(compiledBytes)

// tariffCache keeps compiled tariffs by OCPI version and text: the same text
// means another price in another version (2.3.0's tax_included is nothing in
// 2.2.1), so the text alone would let the order of arrival decide. Safe for
// concurrent use.
//
// It has two generations. What is asked for is in the young one; when that is
// half of the bound large it becomes the old one, and what was old and not asked
// for since is dropped. So whoever sends a new tariff with every CDR pushes out
// what nobody uses, and never what everybody does.
type tariffCache struct {
	limit int // bytes of a generation
	mu    sync.RWMutex
	young generation
	old   generation
}

type generation struct {
	tariffs [ocpi.V230 + 1]map[string]*compiledTariff
	bytes   int
}

func newTariffCache(bytes int) *tariffCache {
	return &tariffCache{limit: bytes / 2}
}

// get returns what a tariff's text was compiled to, nil where it was not or is
// forgotten. It does not allocate.
func (c *tariffCache) get(v ocpi.Version, text []byte) *compiledTariff {
	c.mu.RLock()
	t, old := c.young.tariffs[v][string(text)], (*compiledTariff)(nil)
	if t == nil {
		old = c.old.tariffs[v][string(text)]
	}
	c.mu.RUnlock()
	if old != nil {
		c.put(v, text, old)
		return old
	}
	return t
}

// put keeps a compiled tariff. One that would take much of the room is compiled
// again each time instead.
func (c *tariffCache) put(v ocpi.Version, text []byte, t *compiledTariff) {
	size := t.bytes(len(text))
	if size > c.limit/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young.tariffs[v][string(text)] != nil {
		return
	}
	if c.young.bytes+size > c.limit {
		c.old, c.young = c.young, generation{}
	}
	if c.young.tariffs[v] == nil {
		c.young.tariffs[v] = map[string]*compiledTariff{}
	}
	c.young.tariffs[v][string(text)] = t
	c.young.bytes += size
}

// bytes is what an entry takes: the tariff as compiled, its text as the key, and
// about what the map, the entry and the hash take besides.
func (t *compiledTariff) bytes(text int) int {
	const beside = 300
	n := text + beside
	if t.prepared != nil {
		n += t.prepared.Bytes()
	}
	if t.err != nil {
		n += len(t.err.Error())
	}
	return n
}

// prepare compiles a tariff that a CDR carries: in the CDR's version.
func (p *Pricer) prepare(t *ocpi.Tariff) *compiledTariff {
	if c := compiled.get(t.Version, t.Raw); c != nil {
		return c
	}
	return p.compile(t, t.Raw)
}

// prepareStored compiles a tariff as its owner pushed it, in the version it came
// in: that says what its prices mean, whatever the version of the CDR.
func (p *Pricer) prepareStored(v ocpi.Version, body []byte) *compiledTariff {
	if c := compiled.get(v, body); c != nil {
		return c
	}
	t, err := p.beside.Tariff(v, body)
	if err != nil {
		return &compiledTariff{err: err}
	}
	return p.compile(t, body)
}

func (p *Pricer) compile(t *ocpi.Tariff, text []byte) *compiledTariff {
	c := &compiledTariff{}
	c.prepared, c.err = tariff.Prepare(t)
	c.doubtful = lint.Doubtful(t)
	if hash, err := p.beside.CanonicalHash(text); err == nil {
		c.hash = hex.EncodeToString(hash[:])
	}
	compiled.put(t.Version, text, c)
	return c
}
