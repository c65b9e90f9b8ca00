package stations_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roamclear/roamclear/api/app/stations"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// station is a Location of a test.
type station struct {
	country, party, id string
	lat, lon           string
	name               string
	facilities         []string
	evses              []evse
}

type evse struct {
	status       string
	capabilities []string
	plugs        []plug
}

type plug struct {
	standard, format, power string
	watts                   int64
}

func quoted(list []string) string {
	var parts []string
	for _, s := range list {
		parts = append(parts, fmt.Sprintf("%q", s))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func (s *station) body() string {
	var evses []string
	for i, e := range s.evses {
		var plugs []string
		for j, p := range e.plugs {
			plugs = append(plugs, fmt.Sprintf(`{"id":"%d","standard":%q,"format":%q,"power_type":%q,"max_voltage":230,"max_amperage":32,"max_electric_power":%d,"last_updated":"2026-01-01T00:00:00Z"}`,
				j, p.standard, p.format, p.power, p.watts))
		}
		evses = append(evses, fmt.Sprintf(`{"uid":"E%d","status":%q,"capabilities":%s,"connectors":[%s],"last_updated":"2026-01-01T00:00:00Z"}`,
			i, e.status, quoted(e.capabilities), strings.Join(plugs, ",")))
	}
	return fmt.Sprintf(`{"country_code":%q,"party_id":%q,"id":%q,"publish":true,"name":%q,"address":"a","city":"c","country":"SWE","coordinates":{"latitude":%q,"longitude":%q},
"time_zone":"Europe/Stockholm","facilities":%s,"evses":[%s],"last_updated":"2026-01-01T00:00:00Z"}`,
		s.country, s.party, s.id, s.name, s.lat, s.lon, quoted(s.facilities), strings.Join(evses, ","))
}

func (s *station) key() ocpi.Key { return ocpi.NewKey(s.country, s.party, s.id) }

func state(s *station, offset int64) *ingest.ObjectState {
	return &ingest.ObjectState{Object: ingest.ObjectLocation, Key: s.key(), Version: ocpi.V221, Position: ingest.Position{Epoch: 1, Offset: offset}, Body: []byte(s.body())}
}

// drawPlace draws coordinates of all kinds: anywhere, close together, at the date line, at
// the poles. They have seven decimals, as all that are read: between two of these the sums
// of float64 that are compared here would not tell which side a place is on.
func drawPlace(t *rapid.T) (lat, lon float64) {
	lat, lon = drawDegrees(t)
	p, _ := stations.ParsePoint(fmt.Sprintf("%.7f", lat), fmt.Sprintf("%.7f", lon))
	return p.Latitude, p.Longitude
}

func drawDegrees(t *rapid.T) (lat, lon float64) {
	near := func(at float64) float64 {
		return at + float64(rapid.IntRange(-2_000_000, 2_000_000).Draw(t, "near"))/1e7
	}
	switch rapid.IntRange(0, 4).Draw(t, "where") {
	case 0:
		return near(57.7), near(11.97)
	case 1:
		return near(-17), turned(near(180))
	case 2:
		return math.Min(90, near(89.9)), float64(rapid.IntRange(-180, 180).Draw(t, "lon"))
	case 3:
		return math.Max(-90, near(-89.95)), float64(rapid.IntRange(-180, 180).Draw(t, "lon"))
	}
	return float64(rapid.IntRange(-900_000_000, 900_000_000).Draw(t, "lat")) / 1e7, float64(rapid.IntRange(-1_800_000_000, 1_800_000_000).Draw(t, "lon")) / 1e7
}

func turned(lon float64) float64 {
	if lon > 180 {
		return lon - 360
	}
	return lon
}

func drawStation(t *rapid.T, i int) *station {
	lat, lon := drawPlace(t)
	s := &station{
		country: rapid.SampledFrom([]string{"SE", "NO"}).Draw(t, "country"), party: rapid.SampledFrom([]string{"ABC", "XYZ"}).Draw(t, "party"), id: fmt.Sprintf("L%d", i),
		lat: fmt.Sprintf("%.7f", lat), lon: fmt.Sprintf("%.7f", lon), name: rapid.SampledFrom([]string{"Centralen", "Kungsgatan 1", "Parken, Norr"}).Draw(t, "name"),
		facilities: rapid.SliceOfN(rapid.SampledFrom([]string{"HOTEL", "CAFE", "SPACEPORT"}), 0, 2).Draw(t, "facilities"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "evses") {
		e := evse{status: rapid.SampledFrom([]string{"AVAILABLE", "CHARGING", "REMOVED", "PLANNED"}).Draw(t, "status"),
			capabilities: rapid.SliceOfN(rapid.SampledFrom([]string{"RESERVABLE", "REMOTE_START_STOP_CAPABLE"}), 0, 2).Draw(t, "capabilities")}
		for range rapid.IntRange(0, 2).Draw(t, "plugs") {
			e.plugs = append(e.plugs, plug{
				standard: rapid.SampledFrom([]string{"IEC_62196_T2", "IEC_62196_T2_COMBO", "CHADEMO"}).Draw(t, "standard"), format: rapid.SampledFrom([]string{"SOCKET", "CABLE"}).Draw(t, "format"),
				power: rapid.SampledFrom([]string{"AC_1_PHASE", "AC_3_PHASE", "DC"}).Draw(t, "power"), watts: int64(rapid.SampledFrom([]int{3700, 11000, 22000, 150000}).Draw(t, "watts")),
			})
		}
		s.evses = append(s.evses, e)
	}
	return s
}

// asked is a search in words, for the index and for who looks at all stations.
type asked struct {
	lat, lon                                                float64
	metres                                                  int // 0: no circle
	box                                                     *stations.Box
	country, standard, format, status, capability, facility string
	watts                                                   int64
	text                                                    string
}

func drawAsked(t *rapid.T, all []*station) *asked {
	one := func(name string, of ...string) string { return rapid.SampledFrom(append(of, "", "", "")).Draw(t, name) }
	a := &asked{
		country: one("of", "SE"), standard: one("wants", "IEC_62196_T2_COMBO"), format: one("as", "CABLE"), status: one("is", "AVAILABLE"),
		capability: one("can", "RESERVABLE"), facility: one("has", "CAFE"), text: one("q", "kungs", "norr parken", "å"),
		watts: int64(rapid.SampledFrom([]int{0, 0, 11000, 50000}).Draw(t, "power")),
	}
	a.lat, a.lon = drawPlace(t)
	if len(all) > 0 && rapid.Bool().Draw(t, "at a station") {
		s := rapid.SampledFrom(all).Draw(t, "station")
		p, _ := stations.ParsePoint(s.lat, s.lon)
		a.lat, a.lon = p.Latitude, p.Longitude
	}
	switch rapid.IntRange(0, 2).Draw(t, "area") {
	case 0:
		a.metres = rapid.SampledFrom([]int{1, 500, 5000, 30_000, 100_000}).Draw(t, "radius")
	case 1:
		lat, lon := drawPlace(t)
		a.box = &stations.Box{South: math.Min(a.lat, lat), North: math.Max(a.lat, lat), West: a.lon, East: lon}
	}
	return a
}

func (a *asked) query() *stations.Query {
	q := &stations.Query{Country: a.country, Box: a.box, Text: a.text, Facility: stations.Facilities.Of(a.facility), Plug: stations.Filter{
		Standard: stations.Standards.Of(a.standard), Format: stations.Formats.Of(a.format), Status: stations.Statuses.Of(a.status),
		Capability: stations.Capabilities.Of(a.capability), MinWatts: a.watts,
	}}
	if a.metres > 0 {
		q.Circle = &stations.Circle{Centre: stations.Point{Latitude: a.lat, Longitude: a.lon}, Metres: a.metres}
	}
	return q
}

// brute looks at every station, with no index and another formula for the distance: the
// angle between two directions from the middle of the Earth.
func (a *asked) brute(all []*station) []stations.Hit {
	var hits []stations.Hit
	for _, s := range all {
		p, _ := stations.ParsePoint(s.lat, s.lon)
		m := 0
		if a.metres > 0 {
			m = apart(a.lat, a.lon, p.Latitude, p.Longitude)
		}
		inBox := a.box == nil || p.Latitude >= a.box.South && p.Latitude <= a.box.North && east(a.box, p.Longitude)
		if m <= a.metres && inBox && a.fits(s) {
			hits = append(hits, stations.Hit{Key: s.key(), Metres: m})
		}
	}
	slices.SortFunc(hits, func(x, y stations.Hit) int {
		if x.Metres != y.Metres {
			return x.Metres - y.Metres
		}
		return strings.Compare(x.Key.String(), y.Key.String())
	})
	return hits
}

// east reports whether a meridian is in a box: it is met on the way east from its one
// side to the other.
func east(b *stations.Box, lon float64) bool {
	turn := func(d float64) float64 { return math.Mod(d+720, 360) }
	width := turn(b.East - b.West)
	if b.West < b.East && b.East-b.West == 360 {
		return true
	}
	return turn(lon-b.West) <= width
}

func apart(lat, lon, lat2, lon2 float64) int {
	r := func(d float64) float64 { return d * math.Pi / 180 }
	at := func(lat, lon float64) [3]float64 {
		return [3]float64{math.Cos(r(lat)) * math.Cos(r(lon)), math.Cos(r(lat)) * math.Sin(r(lon)), math.Sin(r(lat))}
	}
	u, v := at(lat, lon), at(lat2, lon2)
	cross := [3]float64{u[1]*v[2] - u[2]*v[1], u[2]*v[0] - u[0]*v[2], u[0]*v[1] - u[1]*v[0]}
	dot := u[0]*v[0] + u[1]*v[1] + u[2]*v[2]
	return int(math.Round(6_371_008.8 * math.Atan2(math.Sqrt(cross[0]*cross[0]+cross[1]*cross[1]+cross[2]*cross[2]), dot)))
}

func (a *asked) fits(s *station) bool {
	if a.country != "" && s.country != a.country || a.facility != "" && !slices.Contains(s.facilities, a.facility) {
		return false
	}
	for _, word := range strings.Fields(a.text) {
		if !strings.Contains(strings.ToLower(s.name), word) && !pairsOf(s.name, word) {
			return false
		}
	}
	none := a.standard == "" && a.format == "" && a.status == "" && a.capability == "" && a.watts == 0
	for _, e := range s.evses {
		if e.status == "REMOVED" || e.status == "PLANNED" {
			continue
		}
		if none {
			return true
		}
		for _, p := range e.plugs {
			if (a.standard == "" || p.standard == a.standard) && (a.format == "" || p.format == a.format) && (a.status == "" || e.status == a.status) &&
				(a.capability == "" || slices.Contains(e.capabilities, a.capability)) && p.watts >= a.watts {
				return true
			}
		}
	}
	return false
}

// pairsOf reports whether a text may hold a word, as far as the index can tell: one of a
// single character has no pairs.
func pairsOf(_, word string) bool { return len([]rune(word)) < 2 }

// search follows pages to the end.
func search(t *rapid.T, x *stations.Index, q *stations.Query, n int) []stations.Hit {
	var all []stations.Hit
	var after *stations.Hit
	for {
		hits, err := x.Search(q, after, n)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, hits...)
		if len(hits) < n {
			return all
		}
		after = &all[len(all)-1]
	}
}

// Whatever is asked, the index finds what a look at every station finds, in the same
// order, page by page: also across the date line and at the poles.
func TestSearchIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := stations.New()
		var all []*station
		for i := range rapid.IntRange(0, 60).Draw(t, "stations") {
			s := drawStation(t, i)
			if rapid.IntRange(0, 4).Draw(t, "moves") == 0 { // it stood elsewhere, and was something else
				before := drawStation(t, i)
				before.country, before.party = s.country, s.party
				x.Observe(state(before, int64(2*i)))
			}
			x.Observe(state(s, int64(2*i+1)))
			all = append(all, s)
		}
		x.Whole()
		for range 5 {
			a := drawAsked(t, all)
			want := a.brute(all)
			got := search(t, x, a.query(), rapid.SampledFrom([]int{1, 3, 100}).Draw(t, "page"))
			if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
				t.Fatalf("%+v (-all stations +index):\n%s", a, diff)
			}
		}
	})
}

// A Location is what its last state in the log says, in whatever order states come while
// the store is being read.
func TestLaterStatesCount(t *testing.T) {
	here := &station{country: "SE", party: "ABC", id: "L1", lat: "57.7", lon: "11.9", name: "x", evses: []evse{{status: "AVAILABLE"}}}
	gone := *here
	gone.evses = []evse{{status: "REMOVED"}}
	count := func(x *stations.Index) int { n, _ := x.Size(); return n }
	x := stations.New()
	x.Observe(state(&gone, 5))
	x.Observe(state(here, 4)) // as the store had it
	if n := count(x); n != 0 || x.Ready() {
		t.Errorf("%d Locations, ready %t: what was removed came back", n, x.Ready())
	}
	x.Whole()
	x.Observe(state(here, 6))
	if n := count(x); n != 1 || !x.Ready() {
		t.Errorf("%d Locations, ready %t: want it there again", n, x.Ready())
	}
	x.Observe(state(&gone, 7))
	if n := count(x); n != 0 {
		t.Errorf("%d Locations after its EVSE was removed", n)
	}
}

// Who may not see an owner's Locations finds none of them, one that says not where it
// is has no place, and one that is not published is marked.
func TestWhatIsFound(t *testing.T) {
	x := stations.New()
	at := func(country, id, lat string) *station {
		return &station{country: country, party: "ABC", id: id, lat: lat, lon: "11.9", name: "x", evses: []evse{{status: "AVAILABLE"}}}
	}
	x.Observe(state(at("SE", "L1", "57.7"), 1))
	x.Observe(state(at("NO", "L1", "57.7"), 2))
	x.Observe(state(at("SE", "NOWHERE", "north"), 3))
	private := state(at("SE", "PRIVATE", "57.7"), 4)
	private.Body = []byte(strings.Replace(string(private.Body), `"publish":true`, `"publish":false`, 1))
	x.Observe(private)
	x.Whole()
	swedish := func(p ocpi.Party) bool { return p.Country == "SE" }
	found, err := x.Search(&stations.Query{Sees: swedish}, nil, 10)
	want := []stations.Hit{{Key: ocpi.NewKey("SE", "ABC", "L1")}, {Key: ocpi.NewKey("SE", "ABC", "NOWHERE")}, {Key: ocpi.NewKey("SE", "ABC", "PRIVATE"), Hidden: true}}
	if diff := cmp.Diff(want, found); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	found, err = x.Search(&stations.Query{Sees: swedish, Circle: &stations.Circle{Centre: stations.Point{Latitude: 57.7, Longitude: 11.9}, Metres: 10}}, nil, 10)
	if len(found) != 2 || err != nil {
		t.Errorf("around: %v, %v", found, err)
	}
}

// There is a bit for each standard among the traits of a Location, beside nine of statuses.
func TestTraitsHaveRoom(t *testing.T) {
	if n, m := len(stations.Standards.Names()), len(stations.Statuses.Names()); n > 44 || m > 9 {
		t.Errorf("%d standards, %d statuses: traits have 44 and 9 bits for them", n, m)
	}
}
