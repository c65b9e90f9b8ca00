package ingest

import "github.com/roamclear/roamclear/ocpi"

// Place returns the number of the partition of an identity among n: FNV-1a (64
// bit) of country, party and id with a zero byte after each of the first two,
// modulo n. It is frozen, because it decides where all copies of an object
// meet: another function, or another n, is a new topic epoch.
func Place(key ocpi.Key, n int) int32 {
	h := uint64(fnvOffset)
	h = fnv(h, key.Party.Country)
	h *= fnvPrime // the zero byte
	h = fnv(h, key.Party.ID)
	h *= fnvPrime
	h = fnv(h, key.ID)
	return int32(h % uint64(n))
}

const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
)

func fnv(h uint64, s string) uint64 {
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}
