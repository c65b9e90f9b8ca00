// Package apptest is the simple calls over a log in memory, for tests.
package apptest

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/app"
	"github.com/roamclear/roamclear/api/app/stations"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/reference/referencetest"
)

// Now is the clock of a world: a Monday.
var Now = time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)

// World is the calls over a log in memory. Its CPOs are SE*ABC and SE*XYZ, its eMSPs
// SE*EMP, DE*TNM, and the platform of NL*ONE and NL*TWO.
type World struct {
	*gin.Engine
	Calls    *app.Calls
	Worked   *stations.Worked // knows nothing
	t        testing.TB
	Log      *ingesttest.Log
	Follower *objects.Follower
	Objects  app.Objects
	Partners *control.Partners
	Tokens   map[string]string // of partners, by their first party
}

// known is what partners own, with what prices rest on.
type known struct {
	*objects.Follower
	*reference.Index
}

// Keys are API keys as an Authorization header has them.
var Keys = map[string]rest.Key{
	"Bearer emp":      {ID: "k-emp", Scopes: []string{"app"}, Party: ocpi.NewParty("SE", "EMP")},
	"Bearer tnm":      {ID: "k-tnm", Scopes: []string{"app"}, Party: ocpi.NewParty("DE", "TNM")},
	"Bearer books":    {ID: "k-books", Scopes: []string{"finance:read"}, Party: ocpi.NewParty("SE", "EMP")},
	"Bearer stranger": {ID: "k-stranger", Scopes: []string{"app"}, Party: ocpi.NewParty("FR", "GON")},
}

func New(t testing.TB, change ...func(*control.Partners)) *World {
	t.Helper()
	m, err := control.Open(t.Context(), ingesttest.NewLog(1), control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &World{t: t, Log: ingesttest.NewLog(1), Partners: control.NewPartners(m), Tokens: map[string]string{}, Worked: stations.NewWorked()}
	for _, fn := range change {
		fn(w.Partners)
	}
	controltest.Run(t, m)
	w.partner(control.RoleCPO, "SE*ABC")
	w.partner(control.RoleCPO, "SE*XYZ")
	w.partner(control.RoleEMSP, "SE*EMP")
	w.partner(control.RoleEMSP, "DE*TNM")
	w.partner(control.RoleEMSP, "NL*ONE", "NL*TWO")
	store := objectstest.NewStore()
	index, found := reference.NewIndex(referencetest.Of(store)), stations.New()
	w.Follower = objects.New(objects.Options{Log: w.Log, Store: store, Folds: index.Folds(), Registerer: prometheus.NewRegistry(),
		Observers: map[ingest.Object]objects.Observer{ingest.ObjectLocation: found}})
	objectstest.Run(t, w.Follower)
	logger := slog.New(slog.DiscardHandler)
	w.Engine = api.NewEngine(logger, rest.Fallback("", logger))
	w.Objects = known{w.Follower, index}
	w.Calls = app.Mount(w, app.Deps{
		Partners: w.Partners, Objects: w.Objects, Stations: found, Worked: w.Worked, Logger: logger, Now: func() time.Time { return Now },
		Limits: rest.Limits{Places: api.NewBudget(rest.Places)},
		Auth: func(c *gin.Context) (rest.Key, error) {
			key, ok := Keys[c.GetHeader("Authorization")]
			if !ok {
				return key, rest.ErrNoKey
			}
			return key, nil
		},
	})
	for !found.Ready() {
		if t.Context().Err() != nil {
			t.Fatal("the index does not become whole")
		}
		runtime.Gosched()
	}
	return w
}

func (w *World) partner(role string, parties ...string) {
	w.t.Helper()
	n := control.NewPartner{Name: parties[0]}
	for _, s := range parties {
		p, _ := ocpi.ParseParty(s)
		n.Roles = append(n.Roles, control.NewRole(role, p.Country, p.ID))
	}
	_, token, err := w.Partners.Add(w.t.Context(), "", n)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Tokens[parties[0]] = token
}

// Put appends an object; variant is a Tariff's recipient or a Token's type.
func (w *World) Put(o ingest.Object, v ocpi.Version, owner, id, variant, body string) {
	w.t.Helper()
	w.Change(o, ingest.MethodPut, v, owner, id, variant, body)
}

func (w *World) Change(o ingest.Object, m ingest.Method, v ocpi.Version, owner, id, variant, body string) {
	w.t.Helper()
	party, _ := ocpi.ParseParty(owner)
	e := &ingest.Envelope{Object: o, Method: m, Version: v, Sender: "t", Key: ocpi.Key{Party: party, ID: ocpi.Fold(id)}, Variant: variant, Received: ocpi.TimeOf(Now)}
	if _, err := w.Log.Append(w.t.Context(), o.Topic(), e, []byte(body)); err != nil {
		w.t.Fatal(err)
	}
}

// Get asks for a path as a caller and returns the status and the body.
func (w *World) Get(as, path string) (int, string) {
	w.t.Helper()
	a := w.Do(as, path)
	return a.Code, a.Body.String()
}

func (w *World) Do(as, path string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "GET", path, nil)
	r.Header.Set("Authorization", as)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a := httptest.NewRecorder()
	w.ServeHTTP(a, r)
	return a
}

// Page is a page of a search.
type Page struct {
	Data []struct {
		CountryCode string `json:"country_code"`
		PartyID     string `json:"party_id"`
		LocationID  string `json:"location_id"`
		DistanceM   *int   `json:"distance_m"`
		Opening     string
		EVSEs       []struct {
			UID        string
			Connectors []struct {
				ID    string
				Price *struct {
					TariffID  string `json:"tariff_id"`
					Currency  string
					DurationS int     `json:"duration_s"`
					ExclVAT   *string `json:"excl_vat"`
					InclVAT   *string `json:"incl_vat"`
				}
				PriceReason *string `json:"price_reason"`
				Startable   *bool
			}
		} `json:"evses"`
	}
	Next *string
}

// Search asks for a page and fails the test where there is none.
func (w *World) Search(as, query string) *Page {
	w.t.Helper()
	path := "/api/v1/locations?" + query
	if strings.HasPrefix(query, "/") {
		path = query
	}
	status, body := w.Get(as, path)
	p := &Page{}
	if err := json.Unmarshal([]byte(body), p); err != nil || status != 200 {
		w.t.Fatalf("GET %s: HTTP %d, %v: %s", path, status, err, body)
	}
	return p
}

// IDs says what a page shows: "SE*ABC L1 E1/1+E1/2, …".
func (p *Page) IDs() string {
	var list []string
	for _, l := range p.Data {
		s := l.CountryCode + "*" + l.PartyID + " " + l.LocationID
		var plugs []string
		for _, e := range l.EVSEs {
			for _, c := range e.Connectors {
				plugs = append(plugs, e.UID+"/"+c.ID)
			}
			if len(e.Connectors) == 0 {
				plugs = append(plugs, e.UID)
			}
		}
		list = append(list, s+" "+strings.Join(plugs, "+"))
	}
	return strings.Join(list, ", ")
}

// Bodies of the issue's own example.
const (
	Centralen = `{"country_code":"SE","party_id":"ABC","id":"L1","publish":true,"name":"Centralen","address":"Nils Ericsonsplatsen 1","city":"Göteborg","postal_code":"41103","country":"SWE",
"coordinates":{"latitude":"57.70870","longitude":"11.97456"},"time_zone":"Europe/Stockholm","opening_times":{"twentyfourseven":true},"facilities":["TRAIN_STATION"],
"evses":[{"uid":"E1","evse_id":"SE*ABC*E1","status":"AVAILABLE","capabilities":["REMOTE_START_STOP_CAPABLE","RESERVABLE"],"last_updated":"2026-01-05T10:00:00Z","connectors":[
{"id":"1","standard":"IEC_62196_T2_COMBO","format":"CABLE","power_type":"DC","max_voltage":920,"max_amperage":200,"max_electric_power":150000,"tariff_ids":["T1"],"last_updated":"2026-01-01T00:00:00Z"},
{"id":"2","standard":"CHADEMO","format":"CABLE","power_type":"DC","max_voltage":500,"max_amperage":125,"tariff_ids":["T1"],"last_updated":"2026-01-01T00:00:00Z"}]},
{"uid":"E2","status":"CHARGING","capabilities":["RFID_READER"],"last_updated":"2026-01-05T09:00:00Z","connectors":[
{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":32,"tariff_ids":["T1"],"last_updated":"2026-01-01T00:00:00Z"}]},
{"uid":"E3","status":"AVAILABLE","last_updated":"2026-01-05T09:00:00Z","connectors":[
{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":16,"tariff_ids":["SPOT"],"last_updated":"2026-01-01T00:00:00Z"}]},
{"uid":"E4","status":"REMOVED","last_updated":"2026-01-05T09:00:00Z","connectors":[
{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":16,"last_updated":"2026-01-01T00:00:00Z"}]}],
"last_updated":"2026-01-05T10:00:00Z"}`
	T1 = `{"country_code":"SE","party_id":"ABC","id":"T1","currency":"SEK","type":"REGULAR","elements":[{"price_components":[{"type":"ENERGY","price":4.50,"vat":25,"step_size":1}]}],"last_updated":"2026-01-01T00:00:00Z"}`
	// Spot is for payment at the station: never for roaming.
	Spot = `{"country_code":"SE","party_id":"ABC","id":"SPOT","currency":"SEK","type":"AD_HOC_PAYMENT","elements":[{"price_components":[{"type":"ENERGY","price":9.00,"vat":25,"step_size":1}]}],"last_updated":"2026-01-01T00:00:00Z"}`
)

// Example puts what the example shows.
func (w *World) Example() {
	w.Put(ingest.ObjectTariff, ocpi.V221, "SE*ABC", "T1", "", T1)
	w.Put(ingest.ObjectTariff, ocpi.V221, "SE*ABC", "SPOT", "", Spot)
	w.Put(ingest.ObjectLocation, ocpi.V221, "SE*ABC", "L1", "", Centralen)
}
