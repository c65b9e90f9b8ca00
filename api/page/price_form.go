package page

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
)

const startForm = "2006-01-02T15:04" // what <input type=datetime-local> sends

// priceForm is what a visitor filled in.
type priceForm struct {
	Tariff  string // "GB*DUN*id"; "" when JSON is given
	JSON    string // a tariff's own text
	Start   string // local
	Minutes string
	KWh     string
	Parking string // minutes
	Zone    string // "": that of the tariff's country
	InclVAT bool
}

// fill sets what a visitor who just came would otherwise have to type: the
// first tariff, and an evening's charge.
func (f *priceForm) fill(tariffs []tariffOption, q url.Values) {
	if f.Tariff == "" && f.JSON == "" && !q.Has("tariff") && len(tariffs) > 0 {
		f.Tariff = tariffs[0].Key
	}
	def := func(to *string, name, value string) {
		if !q.Has(name) {
			*to = value
		}
	}
	def(&f.Start, "start", time.Now().UTC().Format("2006-01-02")+"T18:00")
	def(&f.Minutes, "minutes", "120")
	def(&f.KWh, "kwh", "20")
	def(&f.Parking, "parking", "0")
}

// request turns the form into what POST /api/v1/price takes, so that both
// price alike. The error names a field of the form.
func (f *priceForm) request() (*report.PriceRequest, *tariff.Zone, string, error) {
	q := &report.PriceRequest{}
	zoneName, why := f.Zone, "as you chose"
	if f.JSON != "" {
		q.Tariff = []byte(f.JSON)
	} else {
		k, ok := report.ParseTariffKey(f.Tariff)
		if !ok {
			return nil, nil, "", wrongField("tariff", "%q is not a tariff such as GB*DUN*id", f.Tariff)
		}
		q.TariffID = &report.ObjectID{CountryCode: k.Party.Country, PartyID: k.Party.ID, ID: k.ID}
	}
	if zoneName == "" {
		zoneName, why = tariff.SingleZone(q.Owner()), "that of "+q.Owner()+", where the tariff’s owner is"
	}
	zone := tariff.UTC
	if zoneName != "" {
		z, err := tariff.LoadZone(zoneName)
		if err != nil {
			return nil, nil, "", wrongField("zone", "%q is not an IANA time zone such as Europe/Amsterdam", zoneName)
		}
		zone, q.TimeZone = z, zoneName
	} else {
		why = "because no time zone is known"
	}
	start, err := time.Parse(startForm, f.Start)
	if err != nil {
		return nil, nil, "", wrongField("start", "%q is not a date and a time", f.Start)
	}
	q.Start = zone.Instant(start.Year(), start.Month(), start.Day(), start.Hour(), start.Minute()).String()
	minutes, err := minutesIn("minutes", f.Minutes)
	if err != nil {
		return nil, nil, "", err
	}
	parking, err := minutesIn("parking", f.Parking)
	if err != nil {
		return nil, nil, "", err
	}
	kwh, err := ocpi.ParseNumber(cmp.Or(strings.ReplaceAll(strings.TrimSpace(f.KWh), ",", "."), "0"))
	if err != nil {
		return nil, nil, "", wrongField("kwh", "%q is not a decimal such as 20.5", f.KWh)
	}
	minutes, parking = minutes*60, parking*60
	q.DurationS, q.ParkingS, q.EnergyKWh = &minutes, parking, report.Decimal{Number: kwh}
	return q, zone, why, nil
}

func minutesIn(field, s string) (int64, error) {
	const most = int64(whatif.MaxLength / time.Minute)
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 || n > most {
		return 0, wrongField(field, "%q is not a whole number of minutes from 0 to %d", s, most)
	}
	return n, nil
}

func wrongField(field, format string, args ...any) error {
	return &rest.Error{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: field, Message: fmt.Sprintf(format, args...)}
}

// formFields names the fields of the form that stand for members of a request.
var formFields = map[string]string{
	"tariff_id": "tariff", "duration_s": "minutes", "energy_kwh": "kwh", "parking_s": "parking", "time_zone": "zone",
}

// price prices the form's charge.
func (f *priceForm) price(ctx context.Context, key rest.Key, known report.Tariffs) (*priceShown, error) {
	q, zone, why, err := f.request()
	if err != nil {
		return nil, err
	}
	shown, err := f.show(ctx, q, zone, key, known)
	if wrong, ok := errors.AsType[*rest.Error](err); ok {
		named := *wrong
		switch path, inTariff := strings.CutPrefix(wrong.Field, "tariff."); {
		case inTariff:
			named.Field, named.Message = "json", "in the tariff, "+path+": "+wrong.Message
		case wrong.Field == "tariff" && f.JSON != "":
			named.Field, named.Message = "json", "the tariff: "+wrong.Message
		case formFields[wrong.Field] != "":
			named.Field = formFields[wrong.Field]
		}
		return nil, &named
	}
	if err != nil {
		return nil, err
	}
	shown.Zone = "Local times are those of " + zone.Name() + ", " + why + "."
	return shown, nil
}
