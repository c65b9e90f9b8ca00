package reference_test

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/reference/referencetest"

	"github.com/roamclear/roamclear/ingest/objects/objectstest"
)

// What a push would be answered with is known before it is accepted.
func TestCheckBeforeAPush(t *testing.T) {
	x := reference.NewIndex(referencetest.Of(objectstest.NewStore()))
	for _, tt := range []struct {
		object     ingest.Object
		body, code string
	}{
		{ingest.ObjectTariff, strings.Replace(tariffBody("0.10", ""), `"step_size":1`, `"vat":0.21,"step_size":1`, 1), "vat_fraction"},
		{ingest.ObjectTariff, tariffBody("0.10", ""), "vat_absent"},
		{ingest.ObjectLocation, locationBody("CET/Amsterdam"), "unknown_time_zone"},
		{ingest.ObjectLocation, locationBody("Europe/London"), ""},
		{ingest.ObjectToken, "{}", ""},
	} {
		found, err := x.Check(t.Context(), tt.object, ocpi.V221, []byte(tt.body))
		code := ""
		if len(found) > 0 {
			code = found[0].Code
		}
		if err != nil || code != tt.code {
			t.Errorf("%s %s: %q, %v; want %q", tt.object, tt.body, code, err, tt.code)
		}
	}
}
