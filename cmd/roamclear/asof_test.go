package main

import (
	"strings"
	"testing"
)

// A version of a tariff that comes later, and was in force before, prices what
// comes after it. What was priced before stays right: verify prices every CDR as
// of the part of the log it was priced by, and what was stored before that was
// kept by the very versions it names.
func TestVerifyPricesAsOfThen(t *testing.T) {
	data, s := pushed(t)
	dearer := strings.NewReplacer(`"price":0.25`, `"price":0.99`, "2019-01-01T00:00:00Z", "2019-01-04T00:00:00Z").Replace(testTariff)
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", dearer)
	s.accepted("GB*DUN", "POST", cdrs, testCDR("late", "EXW", "T1", "21.80", "26.16"))
	s.stored(8)
	var got struct {
		Result struct {
			Computed struct {
				ExclVAT string `json:"excl_vat"`
			}
		}
	}
	for id, want := range map[string]string{"c-3": "7.00", "late": "21.80"} {
		s.finance("/cdrs/GB/DUN/"+id, &got)
		if got.Result.Computed.ExclVAT != want {
			t.Errorf("%s comes to %s, want %s", id, got.Result.Computed.ExclVAT, want)
		}
	}
	s.stop()
	agrees := func(name string) {
		t.Helper()
		if out, err := verifyAll(t, data); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	agrees("as of then")
	damage(t, data, "ALTER TABLE results UPDATE reference_offset = -1, control_offset = -1 WHERE id IN ('C-3', 'LATE')")
	agrees("by the versions it names")
	damage(t, data, "ALTER TABLE results UPDATE reference_offset = 0, control_offset = 9 WHERE id = 'C-3'")
	if out, err := verifyAll(t, data); err == nil || !strings.Contains(out, "rejected unknown_tariff") {
		t.Errorf("as of before the tariff: verify says %v:\n%s", err, out)
	}
}
