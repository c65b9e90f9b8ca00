package tariff

import (
	"archive/zip"
	"bytes"
	_ "embed" // the time-zone database
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// The time-zone database is part of the binary, not of the machine: package
// time would prefer the machine's own, and two machines could price the same
// CDR differently. The file is IANA's data (public domain) as Go's
// distribution packs it.
//
//go:embed zoneinfo_2025c.zip
var zoneDatabase []byte

// ZoneDBVersion names the release of the embedded IANA time-zone database.
func ZoneDBVersion() string { return "2025c" }

// Zone is a time zone compiled to a table of its changes from 1970 to 2100
// (Location.time_zone, OCPI mod_locations). Safe for concurrent use.
type Zone struct {
	name     string
	starts   []int64 // Unix seconds; offset i holds from starts[i] to starts[i+1]
	offsets  []int64 // seconds east of UTC
	location *time.Location
}

// Name returns the IANA name.
func (z *Zone) Name() string { return z.name }

var (
	zones      sync.Map // IANA's name → *Zone; only names of the database, so bounded
	zoneLoader sync.Mutex
)

// zoneFiles has the files of the database, by name in lower case.
var zoneFiles = sync.OnceValues(func() (map[string]*zip.File, error) {
	r, err := zip.NewReader(bytes.NewReader(zoneDatabase), int64(len(zoneDatabase)))
	if err != nil {
		return nil, err
	}
	files := make(map[string]*zip.File, len(r.File))
	for _, f := range r.File {
		if !f.FileInfo().IsDir() {
			files[strings.ToLower(f.Name)] = f
		}
	}
	return files, nil
})

// UTC is the zone without an offset.
var UTC = &Zone{name: "UTC", starts: []int64{0}, offsets: []int64{0}, location: time.UTC}

// FixedZone returns a zone that is always the same number of seconds east of
// UTC. It is for comparisons such as "priced in standard time".
func FixedZone(name string, seconds int) *Zone {
	return &Zone{name: name, starts: []int64{0}, offsets: []int64{int64(seconds)}, location: time.FixedZone(name, seconds)}
}

// LoadZone returns the zone of an IANA name such as "Europe/Amsterdam"; also of
// one in other letters, of a name that Windows has for it, and of an offset such
// as "UTC+1". Name says which it is. The error says that it is none of these.
func LoadZone(name string) (*Zone, error) {
	if z, ok := zones.Load(name); ok {
		return z.(*Zone), nil
	}
	name = strings.TrimSpace(name)
	files, err := zoneFiles()
	if err != nil {
		return nil, fmt.Errorf("read time zones: %w", err)
	}
	file := zoneFile(files, name)
	if file != nil {
		return compiledZone(file)
	}
	if z := offsetZone(name); z != nil {
		return z, nil
	}
	return nil, fmt.Errorf("time zone %q: not an IANA name of release %s", name, ZoneDBVersion())
}

// zoneFile finds the file of a zone in the database, nil where there is none.
func zoneFile(files map[string]*zip.File, name string) *zip.File {
	lower := strings.ToLower(name)
	if file := files[lower]; file != nil {
		return file
	}
	if alias, ok := zoneAliases()[lower]; ok {
		return files[strings.ToLower(alias)]
	}
	return files[strings.ReplaceAll(lower, " ", "_")]
}

// compiledZone compiles the zone of a file, once.
func compiledZone(file *zip.File) (*Zone, error) {
	if z, ok := zones.Load(file.Name); ok {
		return z.(*Zone), nil
	}
	zoneLoader.Lock()
	defer zoneLoader.Unlock()
	if z, ok := zones.Load(file.Name); ok {
		return z.(*Zone), nil
	}
	r, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("read time zone %q: %w", file.Name, err)
	}
	defer r.Close() //nolint:errcheck // read from memory
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read time zone %q: %w", file.Name, err)
	}
	location, err := time.LoadLocationFromTZData(file.Name, data)
	if err != nil {
		return nil, fmt.Errorf("read time zone %q: %w", file.Name, err)
	}
	z := compileZone(file.Name, location)
	zones.Store(z.name, z)
	return z, nil
}

var zoneEnd = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// compileZone lists the changes of offset. It probes day by day instead of
// asking time.Time.ZoneBounds, which stops advancing where the rules of the
// database's last entry take over.
func compileZone(name string, location *time.Location) *Zone {
	const day = 24 * 60 * 60
	at := func(unix int64) int64 {
		_, offset := time.Unix(unix, 0).In(location).Zone()
		return int64(offset)
	}
	offset := at(0)
	z := &Zone{name: name, starts: []int64{0}, offsets: []int64{offset}, location: location}
	for t := int64(0); t < zoneEnd; t += day {
		next := at(t + day)
		if next == offset {
			continue
		}
		change := int64(sort.Search(day, func(s int) bool { return at(t+int64(s)) != offset }))
		z.starts = append(z.starts, t+change)
		z.offsets = append(z.offsets, next)
		offset = next
	}
	return z
}

// span returns the offset at an instant and the Unix seconds from and until
// which it holds.
func (z *Zone) span(unix int64) (offset, from, until int64) {
	if unix < 0 || unix >= zoneEnd && len(z.starts) > 1 {
		_, o := time.Unix(unix, 0).In(z.location).Zone()
		return int64(o), unix, unix + 1
	}
	i := sort.Search(len(z.starts), func(i int) bool { return z.starts[i] > unix }) - 1
	until = zoneEnd
	if i+1 < len(z.starts) {
		until = z.starts[i+1]
	} else if len(z.starts) == 1 {
		until = 1<<63 - 1
	}
	return z.offsets[i], z.starts[i], until
}

// Repeated returns the minutes of the day, from and to, that come twice when the
// clock is put back in a year; ok is false where it is not.
func (z *Zone) Repeated(year int) (from, to int32, ok bool) {
	for i := 1; i < len(z.starts); i++ {
		back := z.offsets[i-1] - z.offsets[i]
		if back <= 0 || time.Unix(z.starts[i], 0).UTC().Year() != year {
			continue
		}
		first := floorDiv(z.starts[i]+z.offsets[i], 60) % (24 * 60)
		return int32(first), int32(first + back/60), true
	}
	return 0, 0, false
}

// wall is local wall-clock time as tariff restrictions see it.
type wall struct {
	day     int32 // days since 1970-01-01, local
	second  int32 // since local midnight
	weekday uint8 // time.Weekday
}

// wallClock remembers the span of the zone and the local day last used: the
// periods of one charge nearly always fall into one.
type wallClock struct {
	zone                *Zone
	offset, from, until int64 // the span, in Unix seconds
	midnight            int64 // start of the day, in local seconds
	day                 int32
	weekday             uint8
	known               bool // of the last three
}

func (c *wallClock) reset(z *Zone) {
	if c.zone != z {
		*c = wallClock{zone: z}
	}
}

// at converts an instant to local time (P-04 "DST": the instant is converted,
// then compared, so a repeated hour matches twice and a skipped one never).
func (c *wallClock) at(t ocpi.Time) wall {
	unix := floorDiv(int64(t), ocpi.Second)
	if unix < c.from || unix >= c.until {
		c.offset, c.from, c.until = c.zone.span(unix)
	}
	local := unix + c.offset
	second := local - c.midnight
	if uint64(second) >= secondsPerDay || !c.known {
		c.setDay(floorDiv(local, secondsPerDay))
		second = local - c.midnight
	}
	return wall{day: c.day, second: int32(second), weekday: c.weekday}
}

func (c *wallClock) setDay(day int64) {
	weekday := (day + 4) % 7 // 1970-01-01 was a Thursday
	if weekday < 0 {
		weekday += 7
	}
	c.midnight, c.day, c.weekday, c.known = day*secondsPerDay, int32(day), uint8(weekday), true
}

func floorDiv(x, d int64) int64 {
	q := x / d
	if x%d < 0 {
		q--
	}
	return q
}

// dayOf returns the days from 1970-01-01 to a calendar date.
func dayOf(d ocpi.Date) int32 {
	t := time.Date(int(d.Year), time.Month(d.Month), int(d.Day), 0, 0, 0, 0, time.UTC)
	return int32(floorDiv(t.Unix(), 24*60*60))
}
