package convert

import (
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// enumeration has the values of a type in each version; nil where it is open (2.3.0
// OpenEnum): any value may come then.
type enumeration [ocpi.V230 + 1]map[string]bool

// values returns the closed set of some values, folded.
func values(lists ...string) map[string]bool {
	set := map[string]bool{}
	for _, list := range lists {
		for _, v := range strings.Fields(list) {
			set[ocpi.Fold(v)] = true
		}
	}
	return set
}

// closed is an enumeration that grew with 2.2.1 and was opened with 2.3.0.
func closed(in211, with221 string) enumeration {
	return enumeration{ocpi.V211: values(in211), ocpi.V221: values(in211, with221)}
}

var (
	capabilities = closed("CHARGING_PROFILE_CAPABLE CREDIT_CARD_PAYABLE REMOTE_START_STOP_CAPABLE RESERVABLE RFID_READER UNLOCK_CAPABLE",
		"CHARGING_PREFERENCES_CAPABLE CHIP_CARD_SUPPORT CONTACTLESS_CARD_SUPPORT DEBIT_CARD_PAYABLE PED_TERMINAL "+
			"START_SESSION_CONNECTOR_REQUIRED TOKEN_GROUP_CAPABLE")
	connectorTypes = closed("CHADEMO DOMESTIC_A DOMESTIC_B DOMESTIC_C DOMESTIC_D DOMESTIC_E DOMESTIC_F DOMESTIC_G DOMESTIC_H "+
		"DOMESTIC_I DOMESTIC_J DOMESTIC_K DOMESTIC_L IEC_60309_2_single_16 IEC_60309_2_three_16 IEC_60309_2_three_32 "+
		"IEC_60309_2_three_64 IEC_62196_T1 IEC_62196_T1_COMBO IEC_62196_T2 IEC_62196_T2_COMBO IEC_62196_T3A IEC_62196_T3C "+
		"TESLA_R TESLA_S",
		"CHAOJI DOMESTIC_M DOMESTIC_N DOMESTIC_O GBT_AC GBT_DC NEMA_5_20 NEMA_6_30 NEMA_6_50 NEMA_10_30 NEMA_10_50 NEMA_14_30 "+
			"NEMA_14_50 PANTOGRAPH_BOTTOM_UP PANTOGRAPH_TOP_DOWN")
	facilities = closed("HOTEL RESTAURANT CAFE MALL SUPERMARKET SPORT RECREATION_AREA NATURE MUSEUM BUS_STOP TAXI_STAND "+
		"TRAIN_STATION AIRPORT CARPOOL_PARKING FUEL_STATION WIFI",
		"BIKE_SHARING TRAM_STOP METRO_STATION PARKING_LOT")
	imageCategories     = closed("CHARGER ENTRANCE LOCATION NETWORK OPERATOR OTHER OWNER", "")
	impactCategories    = closed("NUCLEAR_WASTE CARBON_DIOXIDE", "")
	parkingRestrictions = closed("EV_ONLY PLUGGED DISABLED CUSTOMERS MOTORCYCLES", "")
	// parkingTypes are LocationType in 2.1.1, see parkingType.
	parkingTypes = enumeration{
		ocpi.V211: values("ON_STREET PARKING_GARAGE UNDERGROUND_GARAGE PARKING_LOT OTHER UNKNOWN"),
		ocpi.V221: values("ALONG_MOTORWAY PARKING_GARAGE PARKING_LOT ON_DRIVEWAY ON_STREET UNDERGROUND_GARAGE"),
	}
	tokenTypes = closed("OTHER RFID", "AD_HOC_USER APP_USER")
	// dimensionTypes were never opened.
	dimensionTypes = enumeration{
		ocpi.V211: values("ENERGY FLAT MAX_CURRENT MIN_CURRENT PARKING_TIME TIME"),
		ocpi.V221: values(dimensions22),
		ocpi.V230: values(dimensions22),
	}
)

const dimensions22 = "CURRENT ENERGY ENERGY_EXPORT ENERGY_IMPORT MAX_CURRENT MIN_CURRENT MAX_POWER MIN_POWER PARKING_TIME POWER " +
	"RESERVATION_TIME STATE_OF_CHARGE TIME"

// enumText reads the name of a value, which may be spelled in another way, as the
// Decoder does.
func enumText(text string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(ocpi.Fold(strings.TrimSpace(ocpi.RawText(text))))
}

// takes reports whether a version knows a value.
func (e *enumeration) takes(v ocpi.Version, text string) bool {
	return e[v] == nil || e[v][enumText(text)]
}

// unknownTo says that the target does not know a value.
func (c *conversion) unknownTo(text string) string {
	return text + " is not a value of OCPI " + c.to.String()
}

// optional leaves a value out that the target does not know.
func (e *enumeration) optional(c *conversion, text string) (string, bool) {
	if e.takes(c.to, text) {
		return text, true
	}
	c.lose("", c.unknownTo(text))
	return "", false
}

// required leaves the object out with the value: another one would be a lie, and
// strict readers lose a page over an unknown one.
func (e *enumeration) required() rule {
	return func(c *conversion, x *exchange, m ocpi.RawMember, name string) {
		if !e.takes(c.to, m.Value) {
			c.lose(m.Name, c.unknownTo(m.Value)+": what has it is left out")
			x.omit = true
			return
		}
		c.plain(x, m, name)
	}
}

// otherwise hands another value on in the place of one that the target does not know.
func (e *enumeration) otherwise(other string) rule {
	return value(func(c *conversion, text string) (string, bool) {
		if e.takes(c.to, text) {
			return text, true
		}
		c.lose("", c.unknownTo(text)+": "+other)
		return quote(other), true
	})
}
