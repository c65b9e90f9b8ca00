package tariff

// SingleZone returns the IANA time zone of a country that has only one, by its
// ISO 3166 alpha-3 code in upper case; "" for any other.
func SingleZone(country string) string { return singleZone[country] }

// singleZone maps ISO 3166 alpha-3 countries that keep one civil time to their
// zone. Countries with several (such as USA, CAN, AUS, ESP, PRT) are not in it.
var singleZone = map[string]string{
	"ALB": "Europe/Tirane", "AND": "Europe/Andorra", "AUT": "Europe/Vienna", "BEL": "Europe/Brussels",
	"BGR": "Europe/Sofia", "BIH": "Europe/Sarajevo", "CHE": "Europe/Zurich", "CYP": "Asia/Nicosia",
	"CZE": "Europe/Prague", "DEU": "Europe/Berlin", "DNK": "Europe/Copenhagen", "EST": "Europe/Tallinn",
	"FIN": "Europe/Helsinki", "FRA": "Europe/Paris", "GBR": "Europe/London", "GRC": "Europe/Athens",
	"HRV": "Europe/Zagreb", "HUN": "Europe/Budapest", "IRL": "Europe/Dublin", "ISL": "Atlantic/Reykjavik",
	"ISR": "Asia/Jerusalem", "ITA": "Europe/Rome", "JPN": "Asia/Tokyo", "KOR": "Asia/Seoul",
	"LIE": "Europe/Vaduz", "LTU": "Europe/Vilnius", "LUX": "Europe/Luxembourg", "LVA": "Europe/Riga",
	"MCO": "Europe/Monaco", "MDA": "Europe/Chisinau", "MKD": "Europe/Skopje", "MLT": "Europe/Malta",
	"MNE": "Europe/Podgorica", "NLD": "Europe/Amsterdam", "NOR": "Europe/Oslo", "POL": "Europe/Warsaw",
	"ROU": "Europe/Bucharest", "SGP": "Asia/Singapore", "SMR": "Europe/San_Marino", "SRB": "Europe/Belgrade",
	"SVK": "Europe/Bratislava", "SVN": "Europe/Ljubljana", "SWE": "Europe/Stockholm", "TUR": "Europe/Istanbul",
}

// ZoneOfCountry is SingleZone for an ISO 3166 alpha-2 code in upper case, as
// country_code has it. It is a suggestion where nothing but a tariff's owner is
// known: a CPO may have Locations elsewhere.
func ZoneOfCountry(alpha2 string) string { return singleZone[alpha3[alpha2]] }

// alpha3 has the countries of singleZone.
var alpha3 = map[string]string{
	"AL": "ALB", "AD": "AND", "AT": "AUT", "BE": "BEL", "BG": "BGR", "BA": "BIH", "CH": "CHE", "CY": "CYP",
	"CZ": "CZE", "DE": "DEU", "DK": "DNK", "EE": "EST", "FI": "FIN", "FR": "FRA", "GB": "GBR", "GR": "GRC",
	"HR": "HRV", "HU": "HUN", "IE": "IRL", "IS": "ISL", "IL": "ISR", "IT": "ITA", "JP": "JPN", "KR": "KOR",
	"LI": "LIE", "LT": "LTU", "LU": "LUX", "LV": "LVA", "MC": "MCO", "MD": "MDA", "MK": "MKD", "MT": "MLT",
	"ME": "MNE", "NL": "NLD", "NO": "NOR", "PL": "POL", "RO": "ROU", "SG": "SGP", "SM": "SMR", "RS": "SRB",
	"SK": "SVK", "SI": "SVN", "SE": "SWE", "TR": "TUR",
}
