package convert

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ocpi"
)

// censusClasses are the classes by their names in the specification.
var censusClasses = map[string]*class{
	"CDR": cdrClass, "CdrToken": cdrTokenClass, "CdrLocation": cdrLocationClass, "ChargingPeriod": periodClass, "Session": sessionClass,
	"Location": locationClass, "EVSE": evseClass, "Connector": connectorClass, "PublishTokenType": publishTokenClass, "BusinessDetails": businessClass,
	"Image": imageClass, "EnergyMix": energyMixClass, "EnvironmentalImpact": impactClass, "GeoLocation": pointClass, "AdditionalGeoLocation": relatedClass,
	"Hours": hoursClass, "Tariff": tariffClass, "TariffElement": elementClass, "PriceComponent": componentClass, "TariffRestrictions": restrictionsClass,
	"Token": tokenClass,
}

// censusAlike are the classes whose members are the same in all versions that have them,
// so that there is no table; the amounts are in price.go.
var censusAlike = []string{
	"CdrDimension", "DisplayText", "EnergyContract", "EnergySource", "ExceptionalPeriod", "LocationReferences", "RegularHours", "SignedData", "SignedValue",
	"StatusSchedule", "AuthorizationInfo", "ChargingPreferences",
	"Parking", "EVSEParking", // 2.3.0 alone
	"Price", "PriceLimit", "TaxAmount",
}

var censusEnums = map[string]*enumeration{
	"AuthMethod": &authMethods, "Capability": &capabilities, "CdrDimensionType": &dimensionTypes, "ConnectorType": &connectorTypes,
	"EnvironmentalImpactCategory": &impactCategories, "Facility": &facilities, "ImageCategory": &imageCategories, "LocationType": &parkingTypes,
	"ParkingRestriction": &parkingRestrictions, "ParkingType": &parkingTypes, "PowerType": &powerTypes, "SessionStatus": &sessionStatuses, "TokenType": &tokenTypes,
}

// censusEqual are the types whose values are the same in all versions.
var censusEqual = []string{
	"ConnectorFormat", "DayOfWeek", "EnergySourceCategory", "Status", "TariffDimensionType", "WhitelistType", "ReservationRestrictionType", "TariffType",
	"ProfileType", "ChargingPreferencesResponse",
}

// censusElsewhere are types of other modules, or of one version alone.
var censusElsewhere = []string{"Allowed", "AllowedType", "Role", "TaxIncluded", "ConnectorCapability", "EVSEPosition", "ParkingDirection", "VehicleType"}

// TestCensus holds the tables of members and values against those of the specification,
// see ../testdata/census.go.
func TestCensus(t *testing.T) {
	text, err := os.ReadFile("../testdata/census.txt")
	if err != nil {
		t.Fatal(err)
	}
	members, values := map[string]map[string]bool{}, map[string]map[string]bool{}
	open := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		name := f[0] + " " + f[1]
		switch f[2] {
		case "enum", "openenum":
			put(values, name, ocpi.Fold(f[3]))
			open[name] = f[2] == "openenum"
		default:
			put(members, name, f[2])
		}
	}
	for name, want := range members {
		version, class, _ := strings.Cut(name, " ")
		k := censusClasses[class]
		if k == nil {
			if !slices.Contains(censusAlike, class) {
				t.Errorf("%s has no table", name)
			}
			continue
		}
		v, _ := ocpi.ParseVersion(version)
		got := map[string]bool{}
		for member := range k.by[v] {
			got[member] = true
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-specification +table):\n%s", name, d)
		}
	}
	for name, want := range values {
		checkValues(t, name, want, open[name])
	}
	checkAlike(t, members, values)
}

func put(sets map[string]map[string]bool, name, value string) {
	if sets[name] == nil {
		sets[name] = map[string]bool{}
	}
	sets[name][value] = true
}

func checkValues(t *testing.T, name string, want map[string]bool, open bool) {
	version, class, _ := strings.Cut(name, " ")
	e := censusEnums[class]
	if e == nil {
		if !slices.Contains(censusEqual, class) && !slices.Contains(censusElsewhere, class) {
			t.Errorf("%s has no table", name)
		}
		return
	}
	v, _ := ocpi.ParseVersion(version)
	got := maps.Clone(e[v])
	if open {
		if got != nil {
			t.Errorf("%s is open, its table is not", name)
		}
		return
	}
	if class == "SessionStatus" {
		delete(got, "RESERVED") // prose says so
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-specification +table):\n%s", name, d)
	}
}

// checkAlike holds that what has no table is the same in every version that has it.
func checkAlike(t *testing.T, members, values map[string]map[string]bool) {
	for _, class := range append(slices.Clone(censusAlike), censusEqual...) {
		var first map[string]bool
		for _, sets := range []map[string]map[string]bool{members, values} {
			for _, version := range []string{"2.1.1", "2.2.1", "2.3.0"} {
				set := sets[version+" "+class]
				if set == nil || slices.Contains([]string{"Price", "LocationReferences", "AuthorizationInfo"}, class) {
					continue
				}
				if first == nil {
					first = set
				}
				if d := cmp.Diff(first, set); d != "" {
					t.Errorf("%s of %s differs from the version before: it needs a table\n%s", class, version, d)
				}
			}
		}
	}
}
