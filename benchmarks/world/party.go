package world

import (
	"hash/fnv"
	"time"
	_ "time/tzdata" // local times must not depend on the machine

	"github.com/roamclear/roamclear/ocpi"
)

// cpo is one charge point operator: a source of charges.
type cpo struct {
	source   string
	party    ocpi.Party
	name     string
	city     string
	country  string // alpha-3
	currency string
	zone     *time.Location
	// centre of the city in millionths of a degree
	latitude, longitude int64
	postal              string
	anonymous           int // cards made up where the source publishes none
	home                int // index of the eMSP most of its drivers have
	taxed               bool
}

var cpos = []cpo{
	{"dundee", ocpi.NewParty("GB", "DUN"), "Dundee City Council", "Dundee", "GBR", "GBP", zone("Europe/London"), 56_462_000, -2_970_700, "DD1", 900, 2, true},
	{"perth", ocpi.NewParty("GB", "PKC"), "Perth & Kinross Council", "Perth", "GBR", "GBP", zone("Europe/London"), 56_395_000, -3_430_800, "PH1", 700, 2, true},
	{"boulder", ocpi.NewParty("US", "BOU"), "City of Boulder", "Boulder", "USA", "USD", zone("America/Denver"), 40_015_000, -105_270_500, "80302", 500, 4, false},
	{"paris", ocpi.NewParty("FR", "BEL"), "Belib'", "Paris", "FRA", "EUR", zone("Europe/Paris"), 48_856_600, 2_352_200, "75004", 600, 3, true},
	{"mougins", ocpi.NewParty("FR", "SAP"), "SAP Labs France", "Mougins", "FRA", "EUR", zone("Europe/Paris"), 43_600_000, 7_005_000, "06250", 300, 3, true},
}

// emsp is one e-mobility service provider.
type emsp struct {
	party  ocpi.Party
	name   string
	issuer string
}

var emsps = []emsp{
	{ocpi.NewParty("NL", "EXW"), "Example Wallet B.V.", "Wallet"},
	{ocpi.NewParty("DE", "TNM"), "Tank & Mehr GmbH", "T&M"},
	{ocpi.NewParty("GB", "OCT"), "Octave Roaming Ltd", "Octave"},
	{ocpi.NewParty("FR", "IZI"), "Izi Recharge", "Izi"},
	{ocpi.NewParty("US", "VLT"), "Voltage Networks Inc.", "Voltage"},
}

// Partner is a company that pushes to the clearing house.
type Partner struct {
	Party ocpi.Party
	Role  string // "CPO" or "EMSP"
	Name  string
}

// Partners lists everyone in the world, CPOs first.
func Partners() []Partner {
	var all []Partner
	for i := range cpos {
		all = append(all, Partner{cpos[i].party, "CPO", cpos[i].name})
	}
	for i := range emsps {
		all = append(all, Partner{emsps[i].party, "EMSP", emsps[i].name})
	}
	return all
}

func zone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // the database is part of the binary
	}
	return z
}

func operator(source string) (*cpo, bool) {
	for i := range cpos {
		if cpos[i].source == source {
			return &cpos[i], true
		}
	}
	return nil, false
}

// hash is a stable hash of names, for choices that must not depend on order.
func hash(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p)) // never fails
		h.Write([]byte{0})
	}
	x := h.Sum64() // FNV's high bits are weak on short names: mix them
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}
