package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
	"github.com/roamclear/roamclear/settlement"
)

// MaxPriceRequest bounds the body of a price request, in bytes.
const MaxPriceRequest = 256 << 10

// Tariffs knows the Tariffs, Locations and Tokens that partners own: a
// *reference.Index with the *objects.Follower that fills it.
type Tariffs interface {
	Ready() bool
	CurrentTariff(key ocpi.Key) *reference.TariffVersion
	View() *reference.View
	Tariffs(fn func(*reference.TariffVersion))
	Versions(ctx context.Context, key ocpi.Key) (int, error)
	Zone(location ocpi.Key, country string, start ocpi.Time, below int64) (zone, source string)
	Payer(contractID string, start ocpi.Time, below int64) (ocpi.Party, bool)
	Get(ctx context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error)
}

// ObjectID names a Tariff or a Location by its owner and id.
type ObjectID struct {
	CountryCode string `json:"country_code"`
	PartyID     string `json:"party_id"`
	ID          string `json:"id"`
}

func (o *ObjectID) key() ocpi.Key { return ocpi.NewKey(o.CountryCode, o.PartyID, o.ID) }

// Decimal is a JSON number, or one in a string. "" is absent.
type Decimal struct{ ocpi.Number }

// UnmarshalJSON reads the number exactly.
func (q *Decimal) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "" || text == "null" {
		q.Number = ocpi.Number{}
		return nil
	}
	n, err := ocpi.ParseNumber(text)
	q.Number = n
	return err
}

// PriceRequest asks what a charge would cost. Exactly one of Tariff and
// TariffID, and of End and DurationS, is given.
type PriceRequest struct {
	Tariff             jsontext.Value `json:"tariff,omitzero"`
	TariffID           *ObjectID      `json:"tariff_id,omitzero"`
	Version            string         `json:"version,omitzero"` // of Tariff
	Start              string         `json:"start"`
	End                string         `json:"end,omitzero"` // of charging
	DurationS          *int64         `json:"duration_s,omitzero"`
	ParkingS           int64          `json:"parking_s,omitzero"`
	ReservationS       int64          `json:"reservation_s,omitzero"`
	ReservationExpired bool           `json:"reservation_expired,omitzero"`
	EnergyKWh          Decimal        `json:"energy_kwh"`
	PowerKW            Decimal        `json:"power_kw,omitzero"`
	CurrentA           Decimal        `json:"current_a,omitzero"`
	TimeZone           string         `json:"time_zone,omitzero"`
	Location           *ObjectID      `json:"location,omitzero"` // whose time zone counts
	Profile            string         `json:"profile,omitzero"`
}

// PriceTerms is a resolved PriceRequest.
type PriceTerms struct {
	Charge   whatif.Charge
	Terms    whatif.Terms
	Findings []ocpi.Finding // of the tariff
}

// Resolve finds the tariff, the time zone and the profile that a request
// names. A key that is restricted to a party may name what that party owns;
// what others own answers as if it did not exist. The error is a [*rest.Error] that
// names the member.
func (q *PriceRequest) Resolve(ctx context.Context, key rest.Key, known Tariffs) (*PriceTerms, error) {
	var t PriceTerms
	var err error
	start, _ := instantIn("start", q.Start) // one that cannot be read is told by charge
	if t.Terms.Tariff, t.Findings, err = q.tariff(ctx, key, known, start); err != nil {
		return nil, err
	}
	if t.Terms.Zone, t.Terms.ZoneSource, err = q.zone(key, known, start); err != nil {
		return nil, err
	}
	profile, ok := tariff.ProfileByName(q.Profile)
	if !ok {
		return nil, rest.Invalid("profile", "%q is not a pricing profile", q.Profile)
	}
	t.Terms.Profile = profile
	if t.Charge, err = q.charge(); err != nil {
		return nil, err
	}
	return &t, nil
}

var errTariffMissing = rest.Invalid("tariff_id", "no such tariff is known here; give its key, or the tariff itself as tariff")

func (q *PriceRequest) tariff(ctx context.Context, key rest.Key, known Tariffs, start ocpi.Time) (*tariff.Prepared, []ocpi.Finding, error) {
	given := len(q.Tariff) > 0
	switch {
	case given && q.TariffID != nil:
		return nil, nil, rest.Invalid("tariff_id", "give either tariff or tariff_id, not both")
	case given:
		return q.givenTariff()
	case q.TariffID == nil:
		return nil, nil, rest.Invalid("tariff", "missing: give a tariff, or the key of a known one as tariff_id")
	case q.Version != "":
		return nil, nil, rest.Invalid("version", "is that of tariff; a known one has its own")
	case !known.Ready():
		return nil, nil, settlement.ErrUnavailable
	}
	k := q.TariffID.key()
	v := known.CurrentTariff(k)
	if v == nil || !key.Sees(k.Party, k.Party) {
		return nil, nil, errTariffMissing
	}
	// The version in force then, as for a CDR; where none was valid, the one
	// that stands.
	then, err := pricing.InForce(ctx, known, k, start)
	if err != nil {
		return nil, nil, err
	}
	if then != nil {
		v = then
	}
	p, err := v.Prepared()
	return p, nil, unpriceable("tariff_id", err)
}

func (q *PriceRequest) givenTariff() (*tariff.Prepared, []ocpi.Finding, error) {
	version, ok := ocpi.DetectTariffVersion(q.Tariff)
	if q.Version != "" {
		if version, ok = ocpi.ParseVersion(q.Version); !ok {
			return nil, nil, rest.Invalid("version", "%q is none of 2.1.1, 2.2.1 and 2.3.0", q.Version)
		}
	}
	if !ok {
		return nil, nil, rest.Invalid("tariff", "is not an OCPI Tariff object")
	}
	t, err := new(ocpi.Decoder).TariffToPrice(version, q.Tariff)
	if wrong, ok := errors.AsType[*ocpi.Invalid](err); ok {
		return nil, nil, rest.Invalid("tariff."+wrong.Fields[0].Path, "%s", wrong.Fields[0].Reason)
	}
	if err != nil {
		return nil, nil, rest.Invalid("tariff", "%v", err)
	}
	if len(t.Unread) > 0 {
		return nil, nil, rest.Invalid("tariff."+t.Unread[0].Path, "%s", t.Unread[0].Reason)
	}
	p, err := tariff.Prepare(t)
	findings := make([]ocpi.Finding, len(t.Findings))
	for i, f := range t.Findings {
		f.Path = "tariff." + f.Path
		findings[i] = f
	}
	return p, findings, unpriceable("tariff", err)
}

// unpriceable is the error of a tariff, or of a charge, that has no price.
func unpriceable(field string, err error) error {
	if err == nil {
		return nil
	}
	return &rest.Error{Status: http.StatusUnprocessableEntity, Code: "unpriceable", Field: field, Message: err.Error()}
}

func (q *PriceRequest) zone(key rest.Key, known Tariffs, start ocpi.Time) (*tariff.Zone, string, error) {
	switch {
	case q.TimeZone != "" && q.Location != nil:
		return nil, "", rest.Invalid("location", "give either time_zone or location, not both")
	case q.TimeZone != "":
		z, err := tariff.LoadZone(q.TimeZone)
		if err != nil {
			return nil, "", rest.Invalid("time_zone", "%q is not an IANA time zone such as Europe/Amsterdam", q.TimeZone)
		}
		return z, "given", nil
	case q.Location == nil:
		return q.ownerZone()
	case !known.Ready():
		return nil, "", settlement.ErrUnavailable
	}
	k := q.Location.key()
	name, source := "", ""
	if key.Sees(k.Party, k.Party) {
		name, source = known.Zone(k, "", start, pricing.Present)
	}
	z, err := tariff.LoadZone(name)
	if name == "" || err != nil {
		return nil, "", rest.Invalid("location", "no such location with a time zone is known here; give time_zone")
	}
	return z, source, nil
}

// Owner is the folded country code of who owns the tariff that is asked for, ""
// where the request does not tell.
func (q *PriceRequest) Owner() string {
	if q.TariffID != nil {
		return ocpi.Fold(q.TariffID.CountryCode)
	}
	var given struct {
		CountryCode string `json:"country_code"`
	}
	if err := json.Unmarshal(q.Tariff, &given); err != nil {
		return "" // what is wrong with the tariff is told where it is read
	}
	return ocpi.Fold(given.CountryCode)
}

// ownerZone is the only time zone of the tariff owner's country, none where that
// has several or is not known: whoever asks need not repeat it, and the page does
// not know better.
func (q *PriceRequest) ownerZone() (*tariff.Zone, string, error) {
	name := tariff.SingleZone(q.Owner())
	if name == "" {
		return nil, "", nil
	}
	z, err := tariff.LoadZone(name)
	if err != nil {
		return nil, "", fmt.Errorf("load the time zone of %s: %w", q.Owner(), err)
	}
	return z, "country", nil
}

// charge reads instants and durations.
func (q *PriceRequest) charge() (whatif.Charge, error) {
	c := whatif.Charge{
		EnergyKWh: q.EnergyKWh.Number, PowerKW: q.PowerKW.Number, CurrentA: q.CurrentA.Number,
		ReservationExpired: q.ReservationExpired,
	}
	var err error
	if c.Start, err = instantIn("start", q.Start); err != nil {
		return c, err
	}
	seconds := q.DurationS
	switch {
	case seconds != nil && q.End != "":
		return c, rest.Invalid("end", "give either end or duration_s, not both")
	case q.End != "":
		end, err := instantIn("end", q.End)
		if err != nil {
			return c, err
		}
		length := int64(end-c.Start) / ocpi.Second
		seconds = &length
	case seconds == nil:
		return c, rest.Invalid("duration_s", "missing: give the charging time in seconds, or the end of charging as end")
	}
	for _, d := range []struct {
		field   string
		seconds int64
		to      *time.Duration
	}{{"duration_s", *seconds, &c.Duration}, {"parking_s", q.ParkingS, &c.ParkingAfter}, {"reservation_s", q.ReservationS, &c.Reserved}} {
		if most := int64(whatif.MaxLength / time.Second); d.seconds < 0 || d.seconds > most {
			return c, rest.Invalid(d.field, "%d s is not from 0 to %d", d.seconds, most)
		}
		*d.to = time.Duration(d.seconds) * time.Second
	}
	return c, chargeError(c.Check())
}

func instantIn(field, s string) (ocpi.Time, error) {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil || at.Nanosecond() != 0 || at.Year() < 1971 || at.Year() > 2200 {
		return 0, rest.Invalid(field, "%q is not an instant in whole seconds such as 2025-06-02T17:00:00Z", s)
	}
	return ocpi.TimeOf(at), nil
}

var chargeFields = map[string]string{
	"start": "start", "duration": "duration_s", "energy": "energy_kwh", "power": "power_kw", "current": "current_a",
	"parking": "parking_s", "reserved": "reservation_s", "length": "duration_s",
}

// chargeError names the request's member instead of the charge's.
func chargeError(err error) error {
	if wrong, ok := errors.AsType[*whatif.ChargeError](err); ok {
		return rest.Invalid(chargeFields[wrong.Member], "%s", wrong.Reason)
	}
	return err
}
