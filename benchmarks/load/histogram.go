package load

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets of about 3 %: bounded memory however
// long the run. The zero value is ready.
type Histogram struct {
	buckets [64 * steps]uint32
	total   int
}

// steps per doubling.
const steps = 32

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	h.buckets[bucket(max(d, 0))]++
	h.total++
}

func bucket(d time.Duration) int {
	v := uint64(d)
	if v < steps {
		return int(v)
	}
	shift := bits.Len64(v) - 6 // keep six bits: a leading one and five of steps
	return (shift+1)*steps + int(v>>shift) - steps
}

// Merge adds what another histogram counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	h.total += o.total
}

// PerMille returns the duration that n of 1,000 stayed within, up to 3 % low.
func (h *Histogram) PerMille(n int) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := max(1, (h.total*n+999)/1000)
	for i, count := range h.buckets {
		if rank -= int(count); rank <= 0 {
			return lowerBound(i)
		}
	}
	return lowerBound(len(h.buckets) - 1)
}

func lowerBound(i int) time.Duration {
	if i < steps {
		return time.Duration(i)
	}
	shift := i/steps - 1
	return time.Duration(uint64(i%steps+steps) << shift)
}
