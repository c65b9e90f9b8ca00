package settlement

import (
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// newProvenObjects is a log of a Location that is changed later, a Token, and a
// Tariff for one eMSP, with the lists they are on.
func newProvenObjects(t *testing.T) *proven {
	t.Helper()
	w := newProven()
	add := func(kind ingest.Object, key ocpi.Key, variant string) {
		w.stored(t, tokens, &ingest.Envelope{Object: kind, Method: ingest.MethodPut, Key: key, Variant: variant, Received: ocpi.Time(len(w.store.records[tokens]) + 1)}, "{}")
	}
	add(ingest.ObjectLocation, ocpi.NewKey("GB", "DUN", "L1"), "")
	add(ingest.ObjectToken, ocpi.NewKey("NL", "EXW", "K1"), "RFID")
	add(ingest.ObjectTariff, ocpi.NewKey("GB", "DUN", "T1"), "NL*EXW")
	add(ingest.ObjectLocation, ocpi.NewKey("GB", "DUN", "L1"), "")
	return w
}

// A start finds the last version of a Tariff by its row on its owner's list, so that
// of one that was deleted is held to be there too; those of others are not.
func TestVerifyProvesByWhatATariffIsFound(t *testing.T) {
	for _, tc := range []struct {
		name   string
		damage func(s *provenStore)
		want   []string
	}{
		{"none", func(*provenStore) {}, nil},
		{"the row of its recipient is gone", func(s *provenStore) { s.listed = s.listed[:5] }, nil},
		{"the owner's is gone", func(s *provenStore) { s.listed = slices.Delete(s.listed, 4, 5) }, []string{`object_lists lacks tariff GB*DUN*T1 NL*EXW, last updated 1970-01-01T00:00:00Z, on list 2 of "GB*DUN"`}},
		{"the owner's is of an older version", func(s *provenStore) { s.listed[4].Position.Offset-- }, []string{"object_lists lacks tariff", "object_lists has tariff"}},
		{"the owner's says that it stands", func(s *provenStore) { s.listed[4].Gone = false }, []string{"object_lists lacks tariff", "object_lists has tariff"}},
	} {
		w := newProvenObjects(t)
		w.stored(t, tokens, &ingest.Envelope{Object: ingest.ObjectTariff, Method: ingest.MethodDelete, Key: ocpi.NewKey("GB", "DUN", "T1"), Variant: "NL*EXW", Received: 9}, "")
		tc.damage(w.store)
		r, err := w.verify(t)
		if err != nil {
			t.Fatal(err)
		}
		sees(t, r, tc.want)
	}
}

// What partners are listed is proved by the records that made it and the states
// they came to; every kind of damage is seen, and nothing else is said.
func TestVerifyProvesListsOfObjects(t *testing.T) {
	for _, tc := range []struct {
		name   string
		damage func(s *provenStore)
		want   []string
	}{
		{"none", func(*provenStore) {}, nil},
		{"a row that was taken back", func(s *provenStore) {
			gone := s.listed[0]
			gone.List.Kind, gone.Gone = ListWith, true
			s.listed = slices.Insert(s.listed, 1, gone)
		}, nil},
		{"an object is on no list", func(s *provenStore) { s.listed = s.listed[2:] },
			[]string{`object_lists lacks location GB*DUN*L1, last updated 1970-01-01T00:00:00Z, on list 0 of "*"`, `object_lists lacks location GB*DUN*L1, last updated 1970-01-01T00:00:00Z, on list 1 of "GB*DUN"`}},
		{"an older state is listed", func(s *provenStore) { s.listed[0].Position.Offset, s.listed[0].LastUpdated = 0, 1 },
			[]string{"object_lists lacks location GB*DUN*L1", "object_lists has location GB*DUN*L1"}},
		{"another's list has it", func(s *provenStore) { s.listed[5].List.Party.ID = "XXX" },
			[]string{`object_lists lacks tariff GB*DUN*T1 NL*EXW, last updated 1970-01-01T00:00:00Z, on list 3 of "NL*EXW"`, `on list 3 of "NL*XXX"`}},
		{"a list has it twice", func(s *provenStore) { s.listed = slices.Insert(s.listed, 3, s.listed[2]) }, []string{"object_lists has token NL*EXW*K1 RFID"}},
		{"it was taken back", func(s *provenStore) { s.listed[2].Gone = true }, []string{"object_lists lacks token NL*EXW*K1 RFID"}},
		{"a deleted one is listed", func(s *provenStore) { s.objects[1].Deleted = true }, []string{"object_lists has token NL*EXW*K1 RFID", "object_lists has token NL*EXW*K1 RFID"}},
		{"an object is gone", func(s *provenStore) { s.objects = s.objects[1:] }, []string{"at offset 0: objects says of 0 objects that this record made them; object_lists has 2 rows of it", "at offset 0: objects lacks location GB*DUN*L1, which this record PUT"}},
		{"and is on no list", func(s *provenStore) { s.objects, s.listed = s.objects[1:], s.listed[2:] }, []string{"at offset 0: objects lacks location GB*DUN*L1, which this record PUT"}},
		{"all of them", func(s *provenStore) { s.objects, s.listed = nil, nil }, []string{"objects lacks location", "objects lacks tariff", "objects lacks token"}},
		{"another record made it", func(s *provenStore) {
			s.objects[1].Created.Offset = 2
			s.listed[2].Created.Offset = 2
			s.listed[3].Created.Offset = 2
		},
			[]string{"at offset 2: objects says of 2 objects that this record made them"}},
		{"it was made at another time", func(s *provenStore) {
			s.objects[1].Created.Received++
			s.listed[2].Created.Received++
			s.listed[3].Created.Received++
		},
			[]string{"objects says that this record made token NL*EXW*K1 RFID, received"}},
		{"it is another object", func(s *provenStore) {
			s.objects[1].Identity.Key.ID, s.listed[2].Identity.Key.ID, s.listed[3].Identity.Key.ID = "K2", "K2", "K2"
		}, []string{"objects says that this record made token NL*EXW*K2 RFID", "at offset 1: objects lacks token NL*EXW*K1 RFID, which this record PUT"}},
		{"changed beyond the fixed position", func(s *provenStore) { s.listed[0].Position.Offset = 4 }, nil},
		{"no record made it", func(s *provenStore) {
			s.objects[2].Created.Offset, s.listed[4].Created.Offset, s.listed[5].Created.Offset = 9, 9, 9
		}, []string{"objects holds a row of GB*DUN*T1 that no record that made it accounts for", "object_lists holds a row of GB*DUN*T1 that no record", "object_lists holds a row of GB*DUN*T1 that no record"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newProvenObjects(t)
			tc.damage(w.store)
			r, err := w.verify(t)
			if err != nil {
				t.Fatal(err)
			}
			got := disagreements(r)
			if len(got) != len(tc.want) {
				t.Fatalf("%d disagreements, want %d:\n%s", len(got), len(tc.want), strings.Join(got, "\n"))
			}
			for i := range got {
				if !strings.Contains(got[i], tc.want[i]) {
					t.Errorf("%q, want %q", got[i], tc.want[i])
				}
			}
		})
	}
}
