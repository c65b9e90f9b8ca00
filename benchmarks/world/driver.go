package world

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// driver is who charged: a card of an eMSP.
type driver struct {
	emsp  *emsp
	token cdrTokenBody
}

// driverOf finds the driver of a charge: the published card, else one of the
// CPO's regulars. fresh says that the eMSP must publish the token.
func (w *world) driverOf(c *cpo, r *row, random *rand.Rand) (d *driver, fresh bool) {
	card := r.user
	if card == "" {
		// Few drivers charge often, many seldom.
		card = fmt.Sprintf("anonymous-%d", random.IntN(1+random.IntN(c.anonymous)))
	}
	key := r.source + "/" + card
	if d := w.drivers[key]; d != nil {
		return d, false
	}
	h := hash("card", r.source, card)
	// Half of a CPO's drivers are with the eMSP of the place.
	provider := c.home
	if h%2 == 0 {
		provider = int(h >> 8 % uint64(len(emsps)))
	}
	e := &emsps[provider]
	d = &driver{emsp: e, token: cdrTokenBody{
		CountryCode: e.party.Country, PartyID: e.party.ID,
		UID: fmt.Sprintf("04%012X", h&0xffff_ffff_ffff), Type: "RFID",
		ContractID: fmt.Sprintf("%s-%s-C%08d-%c", e.party.Country, e.party.ID, h>>16%100_000_000, 'A'+rune(h>>50%26)),
	}}
	w.drivers[key] = d
	return d, true
}

// push is the token as its eMSP puts it before the card is first used.
func (d *driver) push(first time.Time) Item {
	t := &d.token
	return Item{Sender: d.emsp.party, Module: Tokens, Method: "PUT", Path: objectPath(d.emsp.party, t.UID) + "?type=RFID", Lane: hash(t.UID),
		Body: text(tokenBody{
			CountryCode: t.CountryCode, PartyID: t.PartyID, UID: t.UID, Type: t.Type, ContractID: t.ContractID,
			Issuer: d.emsp.issuer, Valid: true, Whitelist: "ALLOWED",
			LastUpdated: stamp(first.Add(-30 * 24 * time.Hour)),
		})}
}

// authorization is how the charge was allowed.
func authorization(h uint64) (method, reference string) {
	if h%3 == 0 {
		return "WHITELIST", ""
	}
	return "AUTH_REQUEST", strings.ToUpper(fmt.Sprintf("a%011x", h>>20))
}
