package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// App answers the simple calls as an eMSP: an app.Calls. The page asks what an app asks,
// and shows what it is told.
type App interface {
	Call(ctx context.Context, emsp ocpi.Party, method, path string, body []byte) (status int, answer []byte)
}

// driver is a visitor who acts as an eMSP.
type driver struct {
	visitor
	EMSP  ocpi.Party
	EMSPs []ocpi.Party // that may be chosen; nil where the key says which
}

// driven is shown for visitors with a key of scope app, and for those who need none, who
// choose an eMSP.
func (s *server) driven(fn func(c *gin.Context, d driver) error) gin.HandlerFunc {
	return s.entered(func(c *gin.Context, v visitor) error {
		if c.Request.Body != nil {
			c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxSignIn)
		}
		d := driver{visitor: v, EMSP: v.Party}
		if !v.Open {
			if !v.Allows(control.ScopeApp) {
				return rest.MissingScope(control.ScopeApp)
			}
			return fn(c, d)
		}
		for _, p := range s.Partners.All() {
			d.EMSPs = append(d.EMSPs, p.Mobility().Parties...)
		}
		slices.SortFunc(d.EMSPs, func(a, b ocpi.Party) int { return strings.Compare(a.String(), b.String()) })
		// The address alone says which of them it is, of forms too.
		asked, _ := ocpi.ParseParty(c.Query("emsp"))
		switch {
		case slices.Contains(d.EMSPs, asked):
			d.EMSP = asked
		case c.Query("emsp") != "" && c.Request.Method != http.MethodGet:
			return rest.Invalid("emsp", "%q is no eMSP here", c.Query("emsp")) // another would pay
		case len(d.EMSPs) > 0:
			d.EMSP = d.EMSPs[0]
		}
		return fn(c, d)
	})
}

// ask asks a call and reads the answer into v. The error is what the call says.
func (s *server) ask(c *gin.Context, d *driver, method, path string, body, v any) error {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return fmt.Errorf("ask %s: %w", path, err)
		}
	}
	status, answer := s.App.Call(c.Request.Context(), d.EMSP, method, "/api/v1"+path, sent)
	if status/100 != 2 {
		var told struct{ Error rest.Error }
		if err := json.Unmarshal(answer, &told); err != nil {
			return fmt.Errorf("ask %s: HTTP %d: %w", path, status, err)
		}
		told.Error.Status = status
		return &told.Error
	}
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return nil
}

// station is a Location as the call tells it.
type station struct {
	CountryCode string  `json:"country_code"`
	PartyID     string  `json:"party_id"`
	LocationID  string  `json:"location_id"`
	Name        *string `json:"name"`
	Address     *string `json:"address"`
	City        *string `json:"city"`
	Coordinates *struct {
		Latitude  string `json:"latitude"`
		Longitude string `json:"longitude"`
	} `json:"coordinates"`
	DistanceM *int          `json:"distance_m"`
	Opening   string        `json:"opening"`
	EVSEs     []stationEVSE `json:"evses"`
	Tariffs   []struct {
		TariffID string   `json:"tariff_id"`
		Currency string   `json:"currency"`
		Words    []string `json:"words"`
	} `json:"tariffs"`

	emsp string // as which it is asked for, where that is chosen
}

type stationEVSE struct {
	UID        string      `json:"uid"`
	Status     string      `json:"status"`
	LastCharge *time.Time  `json:"last_charge_at"`
	Failed     *int        `json:"failed_starts_7d"`
	Connectors []connector `json:"connectors"`
}

// Lately says how it worked, "" where nobody knows.
func (e stationEVSE) Lately() string {
	if e.Failed == nil {
		return ""
	}
	s := "no charge known of 90 days"
	if e.LastCharge != nil {
		s = "last charge " + e.LastCharge.Format("2006-01-02 15:04") + " UTC"
	}
	if n := *e.Failed; n > 0 {
		s += fmt.Sprintf(", %d failed start%s in 7 days", n, map[bool]string{false: "s"}[n == 1])
	}
	return s
}

type connector struct {
	ID          string          `json:"id"`
	Standard    *string         `json:"standard"`
	MaxPowerW   *int64          `json:"max_electric_power"`
	Startable   *bool           `json:"startable"`
	Price       *connectorPrice `json:"price"`
	PriceReason *string         `json:"price_reason"`
}

type connectorPrice struct {
	Currency  string  `json:"currency"`
	DurationS int     `json:"duration_s"`
	ExclVAT   *string `json:"excl_vat"`
	InclVAT   *string `json:"incl_vat"`
}

// Title is what a driver calls the station.
func (l station) Title() string {
	if l.Name != nil {
		return *l.Name
	}
	return l.LocationID
}

// Where is its address.
func (l station) Where() string {
	var parts []string
	for _, s := range []*string{l.Address, l.City} {
		if s != nil && *s != l.Title() && !slices.Contains(parts, *s) {
			parts = append(parts, *s)
		}
	}
	return strings.Join(parts, ", ")
}

// Away is how far it is.
func (l station) Away() string {
	switch {
	case l.DistanceM == nil:
		return ""
	case *l.DistanceM < 1000:
		return fmt.Sprintf("%d m", *l.DistanceM)
	}
	return fmt.Sprintf("%.1f km", float64(*l.DistanceM)/1000)
}

// Href is the address of its page.
func (l station) Href() string {
	return as("/stations/"+url.PathEscape(l.CountryCode)+"/"+url.PathEscape(l.PartyID)+"/"+url.PathEscape(l.LocationID), l.emsp)
}

// Refuses reports whether an app cannot start a charge there.
func (k connector) Refuses() bool { return k.Startable != nil && !*k.Startable }

// Choice is the value of a form that means the connector of an EVSE.
func (k connector) Choice(evse string) string {
	return url.Values{"evse": {evse}, "connector": {k.ID}}.Encode()
}

// Power is what a connector gives at most.
func (k connector) Power() string {
	if k.MaxPowerW == nil {
		return "power unknown"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(*k.MaxPowerW)/1000), ".0") + " kW"
}

// plugNames are what drivers call connectors.
var plugNames = map[string]string{"IEC_62196_T2": "Type 2", "IEC_62196_T2_COMBO": "CCS", "IEC_62196_T1": "Type 1", "IEC_62196_T1_COMBO": "CCS 1",
	"CHADEMO": "CHAdeMO", "SAE_J3400": "NACS", "TESLA_S": "Tesla", "MCS": "MCS", "GBT_AC": "GB/T AC", "GBT_DC": "GB/T DC"}

// Plugs are the connectors that can be chosen.
func (stationsView) Plugs() map[string]string { return plugNames }

// Plug is what drivers call it.
func (k connector) Plug() string {
	if k.Standard == nil {
		return "unknown plug"
	}
	if name, ok := plugNames[*k.Standard]; ok {
		return name
	}
	return *k.Standard
}

// Cost is what the charge costs there, or why that is not known.
func (k connector) Cost() string {
	if p := k.Price; p != nil {
		side, tax := p.InclVAT, ""
		if side == nil {
			side, tax = p.ExclVAT, " before tax"
		}
		if side != nil {
			return *side + " " + p.Currency + tax
		}
	}
	if k.PriceReason != nil {
		return priceReasons[*k.PriceReason]
	}
	return "price unknown"
}

var priceReasons = map[string]string{"no_tariff": "no price published", "several_tariffs": "several tariffs", "not_convertible": "in another currency", "unpriceable": "price not computable"}

// statusClasses are the tags of what an EVSE's status means to a driver.
var statusClasses = map[string]string{"AVAILABLE": "good", "CHARGING": "warn", "RESERVED": "warn", "BLOCKED": "bad", "INOPERATIVE": "bad", "OUTOFORDER": "bad"}

type stationsView struct {
	frame
	Driver   driver
	Fields   map[string]string
	Stations []station
	Around   string // what was found where the place is named
	Wrong    string
	Next     string
	Energy   string
}

// places are what is searched around where nothing is asked for.
const (
	standardEnergy = "20"
	standardRadius = "10"
)

// stations answers GET /stations.
func (s *server) stations(c *gin.Context, d driver) error {
	q := dropEmpty(c.Request.URL.Query())
	view := stationsView{frame: frame{Title: "Stations", Here: "Stations", Visitor: &d.visitor, Query: q}, Driver: d, Fields: map[string]string{}, Energy: standardEnergy}
	for _, name := range []string{"near", "km", "standard", "min_kw", "status", "energy"} {
		view.Fields[name] = q.Get(name)
	}
	if d.EMSP.IsZero() {
		view.Wrong = "No eMSP is a partner here yet, and stations are shown to eMSPs."
		s.render(c, http.StatusOK, "stations", view)
		return nil
	}
	path, err := s.searchPath(c, &d, q, &view)
	if err == nil && path != "" {
		var found struct {
			Data []station
			Next *string
		}
		err = s.ask(c, &d, http.MethodGet, path, nil, &found)
		view.Stations = found.Data
		for i := range view.Stations {
			view.Stations[i].emsp = d.chosen()
		}
		if found.Next != nil {
			next, _ := url.Parse(*found.Next)
			view.Next = address("/stations", url.Values{"cursor": {next.Query().Get("cursor")}, "emsp": {d.EMSP.String()}})
		}
	}
	if told, ok := err.(*rest.Error); ok && told.Status == http.StatusBadRequest { //nolint:errorlint // ask returns it as it is
		view.Wrong, err = told.Error(), nil
	}
	if err != nil {
		return err
	}
	s.render(c, http.StatusOK, "stations", view)
	return nil
}

// searchPath is the call for what the form asks, "" where a place is named that nothing is
// known of.
func (s *server) searchPath(c *gin.Context, d *driver, q url.Values, view *stationsView) (string, error) {
	if cursor := q.Get("cursor"); cursor != "" {
		return "/locations?" + url.Values{"cursor": {cursor}}.Encode(), nil
	}
	ask := url.Values{"price_energy_kwh": {standardEnergy}}
	if energy := q.Get("energy"); energy != "" {
		ask.Set("price_energy_kwh", energy)
		view.Energy = energy
	}
	for field, name := range map[string]string{"standard": "standard", "status": "status"} {
		if v := q.Get(field); v != "" {
			ask.Set(name, v)
		}
	}
	if kw := q.Get("min_kw"); kw != "" {
		n, err := strconv.ParseInt(kw, 10, 32)
		if err != nil || n < 0 {
			return "", rest.Invalid("min_kw", "%q is not a whole number of kW", kw)
		}
		ask.Set("min_power_w", strconv.FormatInt(1000*n, 10))
	}
	if near := q.Get("near"); near != "" {
		at, err := s.place(c, d, near, view)
		if err != nil || at == nil {
			return "", err
		}
		km := q.Get("km")
		if km == "" {
			km = standardRadius
		}
		n, err := strconv.ParseInt(km, 10, 32)
		if err != nil || n < 1 || n > 100 {
			return "", rest.Invalid("km", "%q is not a whole number of km from 1 to 100", km)
		}
		ask.Set("latitude", at[0])
		ask.Set("longitude", at[1])
		ask.Set("radius_m", strconv.FormatInt(1000*n, 10))
	}
	return "/locations?" + ask.Encode(), nil
}

// place finds a place that is named by its coordinates, "57.70, 11.97", or by words of
// what stands there; nil where nothing is known of it.
func (s *server) place(c *gin.Context, d *driver, near string, view *stationsView) (*[2]string, error) {
	lat, lon, pair := strings.Cut(strings.ReplaceAll(near, " ", ""), ",")
	if _, err := strconv.ParseFloat(lat, 64); pair && err == nil {
		return &[2]string{lat, lon}, nil
	}
	var found struct{ Data []station }
	if err := s.ask(c, d, http.MethodGet, "/locations?"+url.Values{"q": {near}, "limit": {"1"}}.Encode(), nil, &found); err != nil {
		return nil, err
	}
	if len(found.Data) == 0 || found.Data[0].Coordinates == nil {
		view.Wrong = "No station is known by “" + near + "”: try the name of a city or street, or coordinates such as 57.70, 11.97."
		return nil, nil
	}
	l := found.Data[0]
	view.Around = l.Title()
	return &[2]string{l.Coordinates.Latitude, l.Coordinates.Longitude}, nil
}

type stationView struct {
	frame
	Driver  driver
	Station station
	Energy  string
	Tariffs []stationTariff
	Back    string
}

type stationTariff struct {
	ID       string
	Sections []priceSection
}

// station answers GET /stations/{country}/{party}/{id}.
func (s *server) station(c *gin.Context, d driver) error {
	q := dropEmpty(c.Request.URL.Query())
	key, err := rest.PathKey(c)
	if err != nil {
		return err
	}
	view := stationView{frame: frame{Here: "Stations", Visitor: &d.visitor, Query: q}, Driver: d, Energy: standardEnergy, Back: as("/stations", d.chosen())}
	path := "/locations" + rest.KeyPath(key)
	if err := s.ask(c, &d, http.MethodGet, path+"?price_energy_kwh="+standardEnergy, nil, &view.Station); err != nil {
		return err
	}
	view.Title, view.Station.emsp = view.Station.Title(), d.chosen()
	for _, t := range view.Station.Tariffs {
		view.Tariffs = append(view.Tariffs, stationTariff{t.TariffID, priceSections(append([]string{""}, t.Words...))})
	}
	s.render(c, http.StatusOK, "station", view)
	return nil
}
