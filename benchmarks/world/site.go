package world

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// site is a station as its CPO publishes it: a Location that grows an EVSE
// when a connector is seen for the first time.
type site struct {
	body  locationBody
	evses map[string]int // connector as published → index in body.EVSEs
}

// place is where a charge took place.
type place struct {
	site *site
	evse *evseBody
}

// locate finds the charge's Location and EVSE; changed says that the CPO must
// publish the Location (again).
func (w *world) locate(c *cpo, r *row, t *tariff) (p place, changed bool) {
	key := r.source + "/" + r.station
	s := w.sites[key]
	if s == nil {
		s = newSite(c, r)
		w.sites[key] = s
	}
	connector := r.connector
	if r.dc {
		connector += "D" // a few stations list AC and DC under one number
	}
	i, ok := s.evses[connector]
	if !ok {
		i = len(s.body.EVSEs)
		s.evses[connector] = i
		seen := stamp(r.start.Add(-24 * time.Hour))
		s.body.EVSEs = append(s.body.EVSEs, newEVSE(c, r, t, s.body.ID, connector, seen))
		s.body.LastUpdated = seen
	}
	return place{s, &s.body.EVSEs[i]}, !ok
}

func newSite(c *cpo, r *row) *site {
	name := r.site
	if name == "" {
		name = r.station
	}
	latitude, longitude := c.place(r.station)
	return &site{evses: map[string]int{}, body: locationBody{
		CountryCode: c.party.Country, PartyID: c.party.ID, ID: c.party.ID + "-" + plain(r.station), Publish: true,
		Name: name, Address: name, City: c.city, PostalCode: c.postal, Country: c.country,
		Coordinates: coordinatesBody{degrees(latitude), degrees(longitude)},
		Operator:    operatorBody{c.name}, TimeZone: c.zone.String(), Open: openBody{true},
	}}
}

func newEVSE(c *cpo, r *row, t *tariff, location, connector, seen string) evseBody {
	plug := connectorBody{ID: "1", Standard: "IEC_62196_T2", Format: "SOCKET", PowerType: "AC_3_PHASE", MaxVoltage: 230, MaxAmperage: 32, MaxPower: r.kw * 1000, TariffIDs: []string{t.id}, LastUpdated: seen}
	switch {
	case r.dc:
		plug.Standard, plug.Format, plug.PowerType, plug.MaxVoltage, plug.MaxAmperage = "CHADEMO", "CABLE", "DC", 500, 125
		if hash(location, connector)%2 == 0 {
			plug.Standard = "IEC_62196_T2_COMBO"
		}
	case c.country == "USA":
		plug.Standard, plug.Format, plug.PowerType, plug.MaxVoltage, plug.MaxAmperage = "IEC_62196_T1", "CABLE", "AC_1_PHASE", 240, 30
	case r.kw <= 7:
		plug.PowerType = "AC_1_PHASE"
	}
	station := plain(r.station)
	return evseBody{
		UID:          station + "-" + connector,
		EVSEID:       fmt.Sprintf("%s*%s*E%s*%s", c.party.Country, c.party.ID, strings.ReplaceAll(station, "-", ""), connector),
		Status:       "AVAILABLE",
		Capabilities: []string{"RFID_READER", "REMOTE_START_STOP_CAPABLE"},
		Connectors:   []connectorBody{plug}, LastUpdated: seen,
	}
}

// push is the Location as its CPO puts it now.
func (p place) push(c *cpo) Item {
	return Item{Sender: c.party, Module: Locations, Method: "PUT", Path: objectPath(c.party, p.site.body.ID), Body: text(p.site.body), Lane: hash(p.site.body.ID)}
}

// snapshot is the place as a CDR carries it.
func (p place) snapshot() *cdrLocationBody {
	l, plug := &p.site.body, &p.evse.Connectors[0]
	return &cdrLocationBody{
		ID: l.ID, Name: l.Name, Address: l.Address, City: l.City, PostalCode: l.PostalCode, Country: l.Country, Coordinates: l.Coordinates,
		EVSEUID: p.evse.UID, EVSEID: p.evse.EVSEID, ConnectorID: plug.ID,
		Standard: plug.Standard, Format: plug.Format, PowerType: plug.PowerType,
	}
}

// objectPath is the path of a client-owned object (R-OWN-01).
func objectPath(owner ocpi.Party, id string) string {
	return owner.Country + "/" + owner.ID + "/" + url.PathEscape(id)
}

// plain makes a published name fit for an id.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, name)
}

func degrees(millionths int64) string {
	sign := ""
	if millionths < 0 {
		sign, millionths = "-", -millionths
	}
	return fmt.Sprintf("%s%d.%06d", sign, millionths/1_000_000, millionths%1_000_000)
}
