package objects_test

import (
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
)

func TestInvoicesConform(t *testing.T) {
	id := ingest.Identity{Object: ingest.ObjectInvoice, Key: ocpi.NewKey("GB", "DUN", "I1")}
	record := func(cdrs, updated string) string {
		return `{"country_code":"GB","party_id":"DUN","id":"I1","invoice_id":"2019/1","cdrs":` + cdrs + `,"last_updated":"2019-02-01T00:` + updated + `:00Z"}`
	}
	objectstest.Conform(t, id, func(*objectstest.Store) objects.Fold { return objects.Invoices{} }, []objectstest.Step{
		{Name: "DELETE of what nobody sent", Method: ingest.MethodDelete},
		{Name: "POST", Method: ingest.MethodPut, Path: "NL*EXW", Body: record(`["C1"]`, "05"), Want: `["C1"]`},
		{Name: "the same again", Method: ingest.MethodPut, Path: "NL*EXW", Body: record(`["C1"]`, "05"), Want: `["C1"]`},
		{Name: "an older one", Method: ingest.MethodPut, Path: "NL*EXW", Body: record(`["C0"]`, "04"), Want: `["C1"]`},
		{Name: "PUT", Method: ingest.MethodPut, Path: "NL*EXW", Body: record(`["C1",{"id":"C2"}]`, "06"), Want: `{"id":"C2"}`},
		{Name: "DELETE", Method: ingest.MethodDelete},
		{Name: "POST after it", Method: ingest.MethodPut, Path: "NL*EXW", Body: record(`["C3"]`, "01"), Want: `["C3"]`},
	})
}
