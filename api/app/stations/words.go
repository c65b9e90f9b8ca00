package stations

import (
	"slices"
	"strings"
)

// Values of OCPI that rows hold as a number.
var (
	Statuses   = newEnum("AVAILABLE BLOCKED CHARGING INOPERATIVE OUTOFORDER PLANNED REMOVED RESERVED UNKNOWN")
	Formats    = newEnum("SOCKET CABLE")
	PowerTypes = newEnum("AC_1_PHASE AC_2_PHASE AC_2_PHASE_SPLIT AC_3_PHASE DC")
	Standards  = newEnum("CHADEMO CHAOJI DOMESTIC_A DOMESTIC_B DOMESTIC_C DOMESTIC_D DOMESTIC_E DOMESTIC_F DOMESTIC_G DOMESTIC_H " +
		"DOMESTIC_I DOMESTIC_J DOMESTIC_K DOMESTIC_L DOMESTIC_M DOMESTIC_N DOMESTIC_O GBT_AC GBT_DC " +
		"IEC_60309_2_single_16 IEC_60309_2_three_16 IEC_60309_2_three_32 IEC_60309_2_three_64 " +
		"IEC_62196_T1 IEC_62196_T1_COMBO IEC_62196_T2 IEC_62196_T2_COMBO IEC_62196_T3A IEC_62196_T3C " +
		"MCS NEMA_5_20 NEMA_6_30 NEMA_6_50 NEMA_10_30 NEMA_10_50 NEMA_14_30 NEMA_14_50 " +
		"PANTOGRAPH_BOTTOM_UP PANTOGRAPH_TOP_DOWN SAE_J3400 TESLA_R TESLA_S")
	// Capabilities are at most 16: a plug holds a bit for each. The last two are those
	// of connectors (2.3.0 ConnectorCapability).
	Capabilities = newEnum("CHARGING_PROFILE_CAPABLE CHARGING_PREFERENCES_CAPABLE CHIP_CARD_SUPPORT CONTACTLESS_CARD_SUPPORT CREDIT_CARD_PAYABLE " +
		"DEBIT_CARD_PAYABLE PED_TERMINAL REMOTE_START_STOP_CAPABLE RESERVABLE RFID_READER START_SESSION_CONNECTOR_REQUIRED " +
		"TOKEN_GROUP_CAPABLE UNLOCK_CAPABLE ISO_15118_2_PLUG_AND_CHARGE ISO_15118_20_PLUG_AND_CHARGE")
	// Facilities are at most 32.
	Facilities = newEnum("HOTEL RESTAURANT CAFE MALL SUPERMARKET SPORT RECREATION_AREA NATURE MUSEUM BIKE_SHARING BUS_STOP TAXI_STAND " +
		"TRAM_STOP METRO_STATION TRAIN_STATION AIRPORT PARKING_LOT CARPOOL_PARKING FUEL_STATION WIFI")
)

// Enum numbers the values of an enumeration, from 1 on.
type Enum struct {
	names   []string
	numbers map[string]uint8 // by folded name
}

func newEnum(names string) *Enum {
	c := &Enum{names: strings.Fields(names), numbers: map[string]uint8{}}
	for i, name := range c.names {
		c.numbers[fold(name)] = uint8(i + 1)
	}
	return c
}

func fold(s string) string { return strings.ToUpper(s) }

// Names returns the values as OCPI writes them, in the order of their numbers.
func (c *Enum) Names() []string { return slices.Clone(c.names) }

// Of returns the number of a value in any letters, 0 of one that is none.
func (c *Enum) Of(s string) uint8 {
	if n, ok := c.numbers[s]; ok {
		return n
	}
	return c.numbers[fold(s)]
}

// mask has a bit for each of some values.
func (c *Enum) mask(values []string) (m uint32) {
	for _, v := range values {
		if n := c.Of(v); n > 0 {
			m |= 1 << (n - 1)
		}
	}
	return m
}

// signature says of a text which pairs of characters it has: one that lacks a pair of
// what is looked for does not hold it.
type signature [2]uint64

func (s *signature) add(text string) {
	last := rune(-1)
	for _, r := range Plain(text) {
		if last >= 0 {
			h := (uint64(last)*0x9E3779B1 + uint64(r)) * 0x9E3779B97F4A7C15 >> 57
			s[h>>6] |= 1 << (h & 63)
		}
		last = r
	}
}

func (s *signature) holds(part signature) bool {
	return s[0]&part[0] == part[0] && s[1]&part[1] == part[1]
}

// Plain is a text as texts are compared: in lower case, a space for all that separates
// words.
func Plain(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return r == ' ' || r == '\t' || r == '\n' || r == ',' || r == ';'
	}), " ")
}
