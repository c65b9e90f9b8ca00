package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// Charge is a charge at a CPO, as its Session and CDR tell it. A kWh costs 0.30 before
// 20 % tax, as in its lists.
type Charge struct {
	ID        string
	Location  string
	EVSE      string
	Connector string
	Token     map[string]any // a CdrToken
	Reference string         // authorization_reference; "" = none
	Start     time.Time
	Energy    string // kWh, a decimal
	Seconds   int    // since Start
}

// begin makes the charge that a START_SESSION asks for.
func (p *Peer) begin(c *Commanded) (*Charge, error) {
	var m struct {
		Token     map[string]any `json:"token"`
		Location  string         `json:"location_id"`
		EVSE      string         `json:"evse_uid"`
		Connector string         `json:"connector_id"`
		Reference string         `json:"authorization_reference"`
	}
	if err := json.Unmarshal(c.Body, &m); err != nil {
		return nil, fmt.Errorf("read START_SESSION: %w", err)
	}
	token := map[string]any{}
	for _, name := range []string{"country_code", "party_id", "uid", "type", "contract_id", "auth_id"} {
		if v, ok := m.Token[name]; ok {
			token[name] = v
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.charged++
	ch := &Charge{
		ID: fmt.Sprintf("%s-R%s%d", p.options.Party.ID, p.options.Series, p.charged), Location: m.Location, EVSE: m.EVSE, Connector: m.Connector, Token: token, Reference: m.Reference,
		Start: time.Now().UTC().Truncate(time.Second), Energy: "0",
	}
	if ch.EVSE == "" {
		ch.EVSE = strings.Replace(ch.Location, "-L", "-E", 1)
	}
	if ch.Connector == "" {
		ch.Connector = "1"
	}
	return ch, nil
}

// turn waits until nothing else goes on with a charge, so that its Sessions come in order.
// done ends the turn.
func (p *Peer) turn(id string) (done func()) {
	h := fnv.New32a()
	h.Write([]byte(id))
	m := &p.turns[h.Sum32()%uint32(len(p.turns))]
	m.Lock()
	return m.Unlock
}

// act does what a command asks for: it starts a charge, or ends one.
func (p *Peer) act(ctx context.Context, c *Commanded) error {
	switch c.Type {
	case "START_SESSION":
		ch, err := p.begin(c)
		if err != nil {
			return err
		}
		defer p.turn(ch.ID)()
		p.mu.Lock()
		p.charges[ch.ID] = ch
		p.mu.Unlock()
		return p.Push(ctx, ch, "ACTIVE")
	case "STOP_SESSION":
		var m struct {
			ID string `json:"session_id"`
		}
		if err := json.Unmarshal(c.Body, &m); err != nil {
			return fmt.Errorf("read STOP_SESSION: %w", err)
		}
		return p.End(ctx, m.ID)
	}
	return nil
}

var errNoCharge = errors.New("no such charge")

// Charging returns the charges under way, ordered by id.
func (p *Peer) Charging() []Charge {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Charge
	for _, id := range slices.Sorted(maps.Keys(p.charges)) {
		list = append(list, *p.charges[id])
	}
	return list
}

// Lasted is how many seconds a charge is under way, at least one; ok is false where it is
// not.
func (p *Peer) Lasted(id string) (seconds int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ch := p.charges[id]
	if ch == nil {
		return 0, false
	}
	return max(1, int(time.Since(ch.Start)/time.Second)), true
}

// Deliver has a charge take so many kWh in all, so many seconds after its start, and
// pushes its Session.
func (p *Peer) Deliver(ctx context.Context, id, energy string, seconds int) error {
	defer p.turn(id)()
	p.mu.Lock()
	ch := p.charges[id]
	if ch == nil {
		p.mu.Unlock()
		return fmt.Errorf("charge %s: %w", id, errNoCharge)
	}
	ch.Energy, ch.Seconds = energy, seconds
	now := *ch
	p.mu.Unlock()
	return p.Push(ctx, &now, "ACTIVE")
}

// fullAfter is after what energy a charge that grows ends by itself, in Wh.
const fullAfter = 60_000

// Grow has the charges under way take what the plugs give, and pushes their Sessions, now
// and again until ctx ends. What goes wrong is among the Failures.
func (p *Peer) Grow(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for _, ch := range p.Charging() {
				if err := p.grow(ctx, &ch, now); err != nil && ctx.Err() == nil && !errors.Is(err, errNoCharge) { // it was stopped meanwhile
					p.failed(err)
				}
			}
		}
	}
}

func (p *Peer) grow(ctx context.Context, ch *Charge, now time.Time) error {
	seconds := int64(now.Sub(ch.Start) / time.Second)
	wh := min(p.options.Power*seconds/3_600, fullAfter)
	if err := p.Deliver(ctx, ch.ID, fmt.Sprintf("%d.%03d", wh/1000, wh%1000), int(seconds)); err != nil || wh < fullAfter {
		return err
	}
	return p.End(ctx, ch.ID)
}

// End ends a charge: its Session is COMPLETED, and its CDR is sent.
func (p *Peer) End(ctx context.Context, id string) error {
	defer p.turn(id)()
	p.mu.Lock()
	ch := p.charges[id]
	delete(p.charges, id)
	p.mu.Unlock()
	if ch == nil {
		return fmt.Errorf("charge %s: %w", id, errNoCharge)
	}
	if ch.Seconds == 0 {
		ch.Seconds = 1 // a charge has a length
	}
	if err := p.Push(ctx, ch, "COMPLETED"); err != nil {
		return err
	}
	return p.Call(ctx, http.MethodPost, "cdrs", ocpi.RoleReceiver, "", p.cdrOf(ch), nil)
}

// Push pushes the Session of a charge as it stands.
func (p *Peer) Push(ctx context.Context, ch *Charge, status string) error {
	party := p.options.Party
	return p.Call(ctx, http.MethodPut, "sessions", ocpi.RoleReceiver, "/"+party.Country+"/"+party.ID+"/"+ch.ID, p.sessionOf(ch, status), nil)
}

// at is the end of a charge so far.
func (ch *Charge) at() time.Time { return ch.Start.Add(time.Duration(ch.Seconds) * time.Second) }

func (ch *Charge) periods() []members {
	return []members{{"start_date_time": stamp(ch.Start), "dimensions": []members{{"type": "ENERGY", "volume": json.Number(ch.Energy)}}}}
}

// sessionOf is the Session of a charge, in the peer's version.
func (p *Peer) sessionOf(ch *Charge, status string) members {
	m := members{
		"id": ch.ID, "kwh": json.Number(ch.Energy), "currency": "EUR", "auth_method": "COMMAND", "charging_periods": ch.periods(), "status": status,
		"last_updated": stamp(ch.at().Add(time.Second)),
	}
	start, end := "start_date_time", "end_date_time"
	if p.options.Version == ocpi.V211 {
		start, end = "start_datetime", "end_datetime"
		m["auth_method"], m["auth_id"], m["location"] = "AUTH_REQUEST", ch.Token["auth_id"], p.placeOf(ch)
	} else {
		m["country_code"], m["party_id"], m["cdr_token"] = p.options.Party.Country, p.options.Party.ID, ch.Token
		m["location_id"], m["evse_uid"], m["connector_id"] = ch.Location, ch.EVSE, ch.Connector
		if ch.Reference != "" {
			m["authorization_reference"] = ch.Reference
		}
	}
	m[start] = stamp(ch.Start)
	if status == "COMPLETED" {
		m[end] = stamp(ch.at())
	}
	return m
}

// cdrOf is the CDR of a charge.
func (p *Peer) cdrOf(ch *Charge) members {
	energy := ocpi.MustNumber(ch.Energy).Decimal()
	excl := energy.Mul(ocpi.MustNumber("0.30").Decimal())
	m := members{
		"id": "C-" + ch.ID, "start_date_time": stamp(ch.Start), "auth_method": "COMMAND", "currency": "EUR", "charging_periods": ch.periods(),
		"total_energy": json.Number(ch.Energy), "total_time": json.Number(hours(ch.Seconds)), "last_updated": stamp(ch.at().Add(2 * time.Second)),
	}
	if p.options.Version == ocpi.V211 {
		m["auth_method"], m["auth_id"], m["location"], m["stop_date_time"], m["total_cost"] = "AUTH_REQUEST", ch.Token["auth_id"], p.placeOf(ch), stamp(ch.at()), json.Number(excl.String())
		return m
	}
	incl := excl.Mul(ocpi.MustNumber("1.2").Decimal())
	m["country_code"], m["party_id"], m["cdr_token"], m["session_id"], m["end_date_time"] = p.options.Party.Country, p.options.Party.ID, ch.Token, ch.ID, stamp(ch.at())
	m["total_cost"] = members{"excl_vat": json.Number(excl.String()), "incl_vat": json.Number(incl.String())}
	if p.options.Version == ocpi.V230 {
		m["total_cost"] = members{"before_taxes": json.Number(excl.String()), "taxes": []members{{"name": "VAT", "amount": json.Number(incl.Sub(excl).String())}}}
	}
	if ch.Reference != "" {
		m["authorization_reference"] = ch.Reference
	}
	plug := plugOf(p.options.Power)
	m["cdr_location"] = members{
		"id": ch.Location, "address": "Main Street 1", "city": "Utrecht", "postal_code": "3511", "country": "NLD",
		"coordinates": members{"latitude": "52.090000", "longitude": "5.120000"}, "evse_uid": ch.EVSE, "evse_id": p.options.Party.String() + "*E1",
		"connector_id": ch.Connector, "connector_standard": plug.standard, "connector_format": plug.format, "connector_power_type": plug.powerType,
	}
	period := m["charging_periods"].([]members)[0]
	period["tariff_id"] = p.options.Party.ID + "-T1"
	return m
}

// hours writes seconds in hours with four decimals.
func hours(seconds int) string {
	n := (seconds*10_000 + 1_800) / 3_600
	return fmt.Sprintf("%d.%04d", n/10_000, n%10_000)
}

// placeOf is the Location of a charge with its one EVSE and connector, as 2.1.1 has it.
func (p *Peer) placeOf(ch *Charge) any {
	for _, o := range p.lists["locations"] {
		var l map[string]any
		if json.Unmarshal(o.body, &l) == nil && l["id"] == ch.Location {
			return l
		}
	}
	return members{"id": ch.Location}
}
