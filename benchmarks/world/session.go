package world

import "time"

// session makes the charge's Session: put when it starts, patched on the way
// with the periods that ended since (R-SESS-03: appended), and completed.
func (c *charge) session() []Item {
	if !c.row.end.After(c.row.start) || c.row.wattHours < 0 {
		return nil // what the source lost, its Session never had
	}
	method, reference := authorization(hash(c.id))
	put := sessionBody{
		CountryCode: c.cpo.party.Country, PartyID: c.cpo.party.ID, ID: c.sessionID,
		Start: stamp(c.row.start), KWh: "0", Token: &c.driver.token, AuthMethod: method, AuthRef: reference,
		LocationID: c.place.site.body.ID, EVSEUID: c.place.evse.UID, ConnectorID: "1",
		Currency: c.cpo.currency, Status: "ACTIVE", LastUpdated: stamp(c.row.start),
	}
	items := []Item{c.sessionItem("PUT", put)}
	bodies := periodBodies(c.row, c.tariff, c.periods)
	updates := min(2, len(bodies)-1)
	done := 0
	var wattHours int64
	for u := range updates {
		upTo := len(bodies) * (u + 1) / (updates + 1)
		for _, p := range c.periods[done:upTo] {
			wattHours += p.wattHours
		}
		items = append(items, c.sessionItem("PATCH", sessionBody{
			KWh: kwh(wattHours), Periods: bodies[done:upTo], LastUpdated: stamp(c.periods[upTo-1].end),
		}))
		done = upTo
	}
	return append(items, c.sessionItem("PATCH", sessionBody{
		End: stamp(c.row.end), KWh: kwh(c.row.wattHours), Periods: bodies[done:], TotalCost: c.quote.total.body(c.cpo),
		Status: "COMPLETED", LastUpdated: stamp(c.row.end.Add(time.Second)),
	}))
}

func (c *charge) sessionItem(method string, body sessionBody) Item {
	return Item{Sender: c.cpo.party, Module: Sessions, Method: method, Path: objectPath(c.cpo.party, c.sessionID), Body: text(body), Lane: c.lane()}
}
