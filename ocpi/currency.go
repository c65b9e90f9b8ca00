package ocpi

// MinorUnit returns the number of decimals of a currency's minor unit (ISO 4217):
// 2 for EUR, and for a code that is not known.
func MinorUnit(currency string) uint8 {
	switch currency {
	case "JPY", "KRW", "VND", "CLP", "ISK", "PYG", "UGX", "XAF", "XOF", "XPF", "RWF", "KMF", "GNF", "DJF", "BIF", "VUV", "UYI":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	}
	return 2
}
