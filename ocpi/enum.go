package ocpi

// enumeration is the set of values that OCPI defines for a field, all wire
// versions taken together: a newer value from an older partner is no reason
// for a finding.
type enumeration map[string]struct{}

func enumOf(values ...string) enumeration {
	e := make(enumeration, len(values))
	for _, v := range values {
		e[v] = struct{}{}
	}
	return e
}

var (
	partyRoles       = enumOf("CPO", "EMSP", "HUB", "NAP", "NSP", "OTHER", "SCSP")
	authMethods      = enumOf("AUTH_REQUEST", "COMMAND", "WHITELIST")
	tokenTypes       = enumOf("AD_HOC_USER", "APP_USER", "EMAID", "OTHER", "RFID")
	whitelistTypes   = enumOf("ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER")
	tariffTypes      = enumOf("AD_HOC_PAYMENT", "PROFILE_CHEAP", "PROFILE_FAST", "PROFILE_GREEN", "REGULAR")
	sessionStatuses  = enumOf("ACTIVE", "COMPLETED", "INVALID", "PENDING", "RESERVATION")
	evseStatuses     = enumOf("AVAILABLE", "BLOCKED", "CHARGING", "INOPERATIVE", "OUTOFORDER", "PLANNED", "REMOVED", "RESERVED", "UNKNOWN")
	connectorFormats = enumOf("SOCKET", "CABLE")
	powerTypes       = enumOf("AC_1_PHASE", "AC_2_PHASE", "AC_2_PHASE_SPLIT", "AC_3_PHASE", "DC")
	connectorTypes   = enumOf("CHADEMO", "CHAOJI",
		"DOMESTIC_A", "DOMESTIC_B", "DOMESTIC_C", "DOMESTIC_D", "DOMESTIC_E", "DOMESTIC_F", "DOMESTIC_G", "DOMESTIC_H",
		"DOMESTIC_I", "DOMESTIC_J", "DOMESTIC_K", "DOMESTIC_L", "DOMESTIC_M", "DOMESTIC_N", "DOMESTIC_O",
		"GBT_AC", "GBT_DC", "IEC_60309_2_single_16", "IEC_60309_2_three_16", "IEC_60309_2_three_32", "IEC_60309_2_three_64",
		"IEC_62196_T1", "IEC_62196_T1_COMBO", "IEC_62196_T2", "IEC_62196_T2_COMBO", "IEC_62196_T3A", "IEC_62196_T3C",
		"MCS", "NEMA_5_20", "NEMA_6_30", "NEMA_6_50", "NEMA_10_30", "NEMA_10_50", "NEMA_14_30", "NEMA_14_50",
		"PANTOGRAPH_BOTTOM_UP", "PANTOGRAPH_TOP_DOWN", "SAE_J3400", "TESLA_R", "TESLA_S")
)
