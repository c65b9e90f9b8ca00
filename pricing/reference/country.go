package reference

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
