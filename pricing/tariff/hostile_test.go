package tariff

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// hostile makes conformant CDRs of a given size that are as dear to work on as
// the rules allow: many charging periods against many elements whose
// restrictions nearly hold.
type hostile struct {
	name  string
	build func(size int) string
}

var hostiles = []hostile{
	// Energy goes up and down again, so that every period passes every bound.
	{"energy bounds", func(size int) string {
		return hostileCDR(size, 0.5, func(i int) string {
			return fmt.Sprintf(`{"price_components":[%s],"restrictions":{"min_kwh":%d,"max_kwh":%d}}`, threeComponents, i+1, i+1)
		}, func(i int) string {
			return fmt.Sprintf(`{"start_date_time":%q,"dimensions":[{"type":"ENERGY","volume":%d},{"type":"TIME","volume":1},{"type":"PARKING_TIME","volume":1}]}`,
				hostileTime(i, time.Hour), []int{9000, -9000}[i%2])
		})
	}},
	// Every period lasts nine days, in which every window opens and shuts.
	{"windows", func(size int) string {
		return hostileCDR(size, 0.6, func(i int) string {
			return fmt.Sprintf(`{"price_components":[%s],"restrictions":{"start_time":%q,"end_time":%q,"max_kwh":0}}`,
				threeComponents, minuteOfDay(2*i), minuteOfDay(2*i+1))
		}, func(i int) string {
			return fmt.Sprintf(`{"start_date_time":%q,"dimensions":[{"type":"ENERGY","volume":1},{"type":"TIME","volume":1},{"type":"PARKING_TIME","volume":1}]}`,
				hostileTime(i, 9*24*time.Hour))
		})
	}},
	// Nothing matches, in short periods.
	{"look-ups", func(size int) string {
		return hostileCDR(size, 0.3, func(i int) string {
			return fmt.Sprintf(`{"price_components":[%s],"restrictions":{"min_kwh":99%d}}`, fourComponents, i)
		}, func(i int) string {
			return fmt.Sprintf(`{"start_date_time":%q,"dimensions":[{"type":"ENERGY","volume":0},{"type":"TIME","volume":1},{"type":"PARKING_TIME","volume":1}]}`,
				hostileTime(i, time.Second))
		})
	}},
	// Lines of as many VAT rates as may be.
	{"rates", func(size int) string {
		return hostileCDR(size, 0.7, func(i int) string {
			var c []string
			for j, kind := range []string{"ENERGY", "TIME", "PARKING_TIME", "FLAT"} {
				c = append(c, fmt.Sprintf(`{"type":%q,"price":1,"vat":1.%04d,"step_size":1}`, kind, (4*i+j)%MaxRates+1))
			}
			return fmt.Sprintf(`{"price_components":[%s],"restrictions":{"min_duration":%d,"max_duration":%d}}`, strings.Join(c, ","), 60*i, 60*i+60)
		}, func(i int) string {
			return fmt.Sprintf(`{"start_date_time":%q,"dimensions":[{"type":"ENERGY","volume":1},{"type":"TIME","volume":1},{"type":"PARKING_TIME","volume":1}]}`,
				hostileTime(i, time.Minute))
		})
	}},
	// Two tariffs at a time, of many whose ids differ in the last letter only.
	{"tariffs", func(size int) string {
		var tariffs, periods []string
		for i := range MaxTariffs {
			tariffs = append(tariffs, fmt.Sprintf(`{"country_code":"DE","party_id":"ALL","id":%q,"currency":"EUR","elements":[{"price_components":[%s]}],"last_updated":"2019-01-01T00:00:00Z"}`,
				hostileID(i), fourComponents))
		}
		for i, left := 0, size-len(strings.Join(tariffs, ",")); left > 1500 && i < MaxPeriods; i++ {
			periods = append(periods, fmt.Sprintf(`{"start_date_time":%q,"dimensions":[{"type":"ENERGY","volume":1}],"tariff_id":%q}`,
				hostileTime(i, time.Second), hostileID(i*37%MaxTariffs)))
			left -= len(periods[i]) + 1
		}
		return wrapCDR(tariffs, periods)
	}},
	// One period of many volumes.
	{"volumes", func(size int) string {
		n := min((size-2000)/29, 40_000)
		return wrapCDR([]string{wrapTariff([]string{fmt.Sprintf(`{"price_components":[%s]}`, fourComponents)})},
			[]string{fmt.Sprintf(`{"start_date_time":%q,"dimensions":[%s]}`, hostileTime(0, 0), strings.TrimSuffix(strings.Repeat(`{"type":"ENERGY","volume":1},`, n), ","))})
	}},
}

const (
	threeComponents = `{"type":"ENERGY","price":1,"step_size":1},{"type":"TIME","price":1,"step_size":1},{"type":"PARKING_TIME","price":1,"step_size":1}`
	fourComponents  = threeComponents + `,{"type":"FLAT","price":1,"step_size":1}`
)

func hostileTime(i int, step time.Duration) string {
	return time.Date(2019, 1, 5, 10, 0, 0, 0, time.UTC).Add(time.Duration(i) * step).Format(time.RFC3339)
}

func hostileID(i int) string { return fmt.Sprintf("%s%02d", strings.Repeat("T", 34), i) }

func minuteOfDay(i int) string { return fmt.Sprintf("%02d:%02d", i/60%24, i%60) }

// hostileCDR fills size with elements of one tariff, to about a part of it, and
// with charging periods.
func hostileCDR(size int, part float64, element, period func(i int) string) string {
	var elements, periods []string
	const frame = 1700
	left := int(part * float64(size-frame))
	for i := 0; i < MaxElements; i++ {
		next := element(i)
		if left -= len(next) + 1; left < 0 {
			break
		}
		elements = append(elements, next)
	}
	left = size - len(strings.Join(elements, ",")) - frame
	for i := 0; i < MaxPeriods; i++ {
		next := period(i)
		if left -= len(next) + 1; left < 0 {
			break
		}
		periods = append(periods, next)
	}
	return wrapCDR([]string{wrapTariff(elements)}, periods)
}

func wrapTariff(elements []string) string {
	return `{"country_code":"DE","party_id":"ALL","id":"T","currency":"EUR","elements":[` + strings.Join(elements, ",") + `],"last_updated":"2019-01-01T00:00:00Z"}`
}

func wrapCDR(tariffs, periods []string) string {
	return `{"country_code":"DE","party_id":"ALL","id":"C","start_date_time":"2019-01-05T10:00:00Z","end_date_time":"2062-01-05T11:00:00Z",
"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U","type":"RFID","contract_id":"C"},"auth_method":"WHITELIST",
"cdr_location":{"id":"L","address":"a","city":"c","country":"DEU","coordinates":{"latitude":"52.46000","longitude":"13.97000"},"evse_uid":"E","evse_id":"E","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"DC"},
"currency":"EUR","tariffs":[` + strings.Join(tariffs, ",") + `],"charging_periods":[` + strings.Join(periods, ",") + `],
"total_cost":{"excl_vat":123456.78,"incl_vat":223456.79},"total_energy":20,"total_time":1,"last_updated":"2019-01-05T11:05:00Z"}`
}

// hostileInput decodes one as the worker does.
func hostileInput(tb testing.TB, h hostile, size int) (*Input, int) {
	tb.Helper()
	raw := []byte(h.build(size))
	if len(raw) > size {
		tb.Fatalf("%s: %d bytes, want at most %d", h.name, len(raw), size)
	}
	cdr, err := new(ocpi.Decoder).CDR(ocpi.V221, raw)
	if err != nil {
		tb.Fatalf("%s: %v", h.name, err)
	}
	if len(cdr.Findings) > 0 {
		tb.Fatalf("%s does not conform: %v", h.name, cdr.Findings)
	}
	in := &Input{CDR: cdr, Zone: mustZone(tb, "Europe/Berlin"), ZoneSource: "country"}
	for i := range cdr.Tariffs {
		p, err := Prepare(&cdr.Tariffs[i])
		if err != nil {
			tb.Fatal(err)
		}
		in.Embedded = append(in.Embedded, p)
	}
	return in, len(raw)
}
