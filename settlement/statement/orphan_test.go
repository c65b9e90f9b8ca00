package statement_test

import (
	"testing"

	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/roamclear/roamclear/settlement/statement/statementtest"
)

// A credit without an original says what it is that it names.
func TestWhatACreditNames(t *testing.T) {
	for _, tc := range []struct {
		name   string
		cdrs   shelf
		agreed agreed
		want   string // of K2
	}{
		{"nothing here", shelf{booked("cdr", "K2", "ends", "2019-06-05T11:40:00Z", "claims", "-7", "credits", "C1")}, terms("UTC"), "It credits NL*TNM*C1, which is not here."},
		{"a credit beside it", shelf{booked("cdr", "C1", "ends", "2019-06-05T11:40:00Z", "claims", "7"), booked("cdr", "K1", "ends", "2019-06-05T11:40:00Z", "claims", "-7", "credits", "C1"), booked("cdr", "K2", "ends", "2019-06-05T11:40:00Z", "claims", "7", "credits", "K1")}, terms("UTC"),
			"It credits NL*TNM*K1, which is a credit itself."},
		{"a credit of another eMSP's", shelf{booked("cdr", "K1", "ends", "2019-06-05T11:40:00Z", "emsp", "FR*OTH", "claims", "-7", "credits", "C1"), booked("cdr", "K2", "ends", "2019-06-05T11:40:00Z", "claims", "7", "credits", "K1")}, terms("UTC"),
			"It credits NL*TNM*K1, which is not here."}, // to its eMSP it does not exist
		{"one in another currency", shelf{booked("cdr", "K1", "currency", "SEK", "ends", "2019-06-05T11:40:00Z", "claims", "-7", "credits", "C1"), booked("cdr", "K2", "ends", "2019-06-05T11:40:00Z", "claims", "7", "credits", "K1")}, terms("UTC"),
			"It credits NL*TNM*K1, which is a credit itself."},
		{"no CDR", shelf{booked("cdr", "K2", "ends", "2019-06-05T11:40:00Z", "claims", "-7", "credits", "")}, terms("UTC"), "It credits nothing: it names no CDR."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ""
			d := statement.Drawer{Books: &statementtest.Books{CDRs: tc.cdrs}, Agreed: everybody{tc.agreed}}
			err := d.Draw(t.Context(), statement.Query{Period: 201906, Below: all}, func(d *statement.Draft) error {
				for i := range d.Settled {
					for _, g := range d.Settled[i].Grounds {
						if d.Settled[i].Key.ID == "K2" && g.Code == clearing.GroundCreditOrphan {
							got += g.Sentence()
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
