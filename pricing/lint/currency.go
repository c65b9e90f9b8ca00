package lint

import (
	"strings"

	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/ocpi"
)

// currencies are the codes of ISO 4217 that are money in use.
const currencies = " AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD " +
	"CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP " +
	"GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP " +
	"LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN " +
	"PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT " +
	"TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG "

// notMoney are codes of ISO 4217 that no driver pays with: metals, units of
// account, and those for testing and for no currency.
const notMoney = " XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX "

// currency checks the ISO 4217 code.
func (c *checker) currency() {
	code := " " + c.t.Currency + " "
	switch {
	case c.t.Currency == "": // missing, which says enough
	case strings.Contains(notMoney, code):
		c.add("currency_not_money", ocpi.Serious, "currency", c.t.Currency+" is no money that can be paid; write the currency of the prices")
	case !strings.Contains(currencies, code):
		c.add("currency_unknown", ocpi.Serious, "currency", c.t.Currency+" is not a currency of ISO 4217 in use: nobody can settle it; write the currency of the prices")
	}
}

// symbols are written before an amount instead of the code.
var symbols = map[string]string{"EUR": "€", "GBP": "£", "USD": "US$"}

// money writes an amount with its currency, such as "€5.00" or "CHF 0.255".
func money(currency string, amount ocpi.Number) string {
	return amountText(currency, amount.Decimal())
}

// amountText is money for an amount that was computed.
func amountText(currency string, d decimal.Decimal) string {
	text := d.String()
	if d.Equal(d.Round(2)) {
		text = d.StringFixed(2)
	}
	if symbol, ok := symbols[currency]; ok {
		return symbol + text
	}
	return currency + " " + text
}
