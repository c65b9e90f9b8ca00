package convert

import (
	"github.com/roamclear/roamclear/ocpi"
)

// tokenClass is a Token (mod_tokens).
var tokenClass = func() *class {
	k := newClass(
		since221("country_code", ownerCountry),
		since221("party_id", ownerParty),
		same("uid", nil),
		same("type", tokenTypes.otherwise("OTHER")),
		named("auth_id", "contract_id", nil),
		same("visual_number", nil),
		same("issuer", nil),
		since221("group_id", nil),
		same("valid", nil),
		same("whitelist", nil),
		same("language", nil),
		since221("default_profile_type", nil),
		since221("energy_contract", nil),
		same("last_updated", nil),
	)
	k.begin = addOwner
	k.end = oneOfSeveral
	return k
}()

// oneOfSeveral refuses a Token for 2.1.1 of whose uid another one is shown: its types
// are two, and URLs name the uid alone.
func oneOfSeveral(c *conversion, x *exchange) {
	if !c.down() || c.ctx.TokenTypes == nil {
		return
	}
	own := enumText(x.in.Value("type"))
	shown := own
	for _, t := range c.ctx.TokenTypes(x.in.Text("uid")) {
		shown = before(shown, ocpi.Fold(t))
	}
	if shown != own {
		c.refuse("type", "OCPI 2.1.1 shows one Token of a uid, and there is one of type "+shown)
	}
}

// before returns the one of two types that is shown: RFID, else the first by name.
func before(a, b string) string {
	if a == "RFID" || b != "RFID" && a <= b {
		return a
	}
	return b
}

// cdrTokenClass is a CdrToken (mod_cdrs), between 2.2.1 and 2.3.0.
var cdrTokenClass = newClass(
	since221("country_code", nil),
	since221("party_id", nil),
	since221("uid", nil),
	since221("type", tokenTypes.otherwise("OTHER")),
	since221("contract_id", nil),
)

// cdrToken is the token of a CDR or Session: 2.1.1 says the contract id alone.
func cdrToken(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	switch {
	case c.up():
		if token := c.tokenOf(m); token != "" {
			x.add(name, token)
		}
	case c.down():
		x.add(name, c.contractOf(m))
	default:
		nestedCDRToken(c, x, m, name)
	}
}

var nestedCDRToken = nested(cdrTokenClass)

// tokenOf returns the CdrToken of a 2.1.1 auth_id, "" where nobody is known to pay.
func (c *conversion) tokenOf(m ocpi.RawMember) string {
	contract := ocpi.RawText(m.Value)
	var t ocpi.CDRToken
	ok := c.ctx.Token != nil && contract != ""
	if ok {
		t, ok = c.ctx.Token(contract, c.at)
	}
	if !ok || t.CountryCode == "" || t.PartyID == "" {
		c.refuse(m.Name, "no eMSP is known whose contract it is")
		return ""
	}
	x := &exchange{}
	x.add("country_code", quote(t.CountryCode))
	x.add("party_id", quote(t.PartyID))
	c.enter("cdr_token")
	defer c.leave()
	for _, f := range []struct{ name, known, unknown string }{{"uid", t.UID, notAvailable}, {"type", t.Type, "OTHER"}} {
		switch {
		case f.known == "":
			c.fill(x, f.name, quote(f.unknown))
		case f.name == "type" && !tokenTypes.takes(c.to, quote(f.known)):
			c.lose(f.name, c.unknownTo(f.known)+": "+f.unknown)
			x.add(f.name, quote(f.unknown))
		default:
			x.add(f.name, quote(f.known))
		}
	}
	x.add("contract_id", quote(contract))
	return string(x.out.Bytes())
}

// notAvailable stands for a required string that cannot be known (2.2.1
// transport_and_format, "No data available").
const notAvailable = "#NA"

// contractOf returns the 2.1.1 auth_id of a CdrToken.
func (c *conversion) contractOf(m ocpi.RawMember) string {
	contract := ""
	c.enter(m.Name)
	for _, member := range objectOf(m.Value) {
		switch {
		case member.Name == "contract_id" && ocpi.RawText(member.Value) != "":
			contract = member.Value
		case member.Value != "null":
			c.lose(member.Name, "OCPI 2.1.1 says the contract of a token alone")
		}
	}
	c.leave()
	if contract == "" {
		c.lose("auth_id", "the token has no contract id: "+notAvailable)
		return quote(notAvailable)
	}
	return contract
}

// needToken refuses a 2.1.1 CDR or Session that says nothing of who is to pay.
func needToken(c *conversion, x *exchange) {
	if c.up() && !x.has("cdr_token") {
		c.refuse("auth_id", "no eMSP is known whose contract it is")
	}
}
