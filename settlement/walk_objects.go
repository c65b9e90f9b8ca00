package settlement

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// StoredObject is the last state of an object without its body and what prices
// rest on.
type StoredObject struct {
	Identity    ingest.Identity
	Position    ingest.Position
	Created     ingest.Creation
	With        ocpi.Party
	Left        []ocpi.Party
	Named       ocpi.Time
	Received    ocpi.Time
	LastUpdated ocpi.Time
	Deleted     bool
}

// state is what of it says which lists have it.
func (o *StoredObject) state() *ingest.ObjectState {
	return &ingest.ObjectState{Object: o.Identity.Object, Key: o.Identity.Key, Variant: o.Identity.Variant, With: o.With, Left: o.Left, Deleted: o.Deleted,
		Named: o.Named, Received: o.Received, LastUpdated: o.LastUpdated}
}

// StoredObjectListing is an object on an OCPI list, or taken off it.
type StoredObjectListing struct {
	Identity    ingest.Identity
	Position    ingest.Position // of the state
	Created     ingest.Creation
	List        ObjectList
	LastUpdated ocpi.Time
	Received    ocpi.Time // of Sessions
	Gone        bool
}

// objectWalk walks the records of a partition beside the objects that they made
// and the lists that these are on.
type objectWalk struct {
	*walker
	objects  *side[StoredObject]
	listings *side[StoredObjectListing]
}

// walkObjects proves, beside the records, which of them made each object, and that
// every object is on the lists that its state says, as that state is, and on no
// other: so is what partners are listed, in order and without a gap.
func (v *Verifier) walkObjects(ctx context.Context, w *walker) error {
	o := &objectWalk{walker: w}
	made := func(id ingest.Identity, c ingest.Creation) (ocpi.Key, ingest.Position) {
		return id.Key, w.partition.At(c.Offset)
	}
	var stop [2]func()
	o.objects, stop[0] = newSide(w, "objects", func(r *StoredObject) (ocpi.Key, ingest.Position) { return made(r.Identity, r.Created) },
		func(fn func(StoredObject) error) error { return v.Store.ObjectsRange(ctx, w.partition, w.next, fn) })
	defer stop[0]()
	o.listings, stop[1] = newSide(w, "object_lists", func(r *StoredObjectListing) (ocpi.Key, ingest.Position) { return made(r.Identity, r.Created) },
		func(fn func(StoredObjectListing) error) error {
			return v.Store.ObjectListingsRange(ctx, w.partition, w.next, fn)
		})
	defer stop[1]()
	o.objects.of, o.listings.of = "record that made it", "record that made it"
	if err := v.walk(ctx, w, o.visit); err != nil {
		return err
	}
	if err := o.objects.rest(); err != nil {
		return err
	}
	if err := o.listings.rest(); err != nil {
		return err
	}
	return v.kept(ctx, w)
}

// compareIdentities orders objects as the store does.
func compareIdentities(a, b ingest.Identity) int {
	return cmp.Or(strings.Compare(a.Object.String(), b.Object.String()), strings.Compare(a.Key.Party.Country, b.Key.Party.Country),
		strings.Compare(a.Key.Party.ID, b.Key.Party.ID), strings.Compare(a.Key.ID, b.Key.ID), strings.Compare(a.Variant, b.Variant))
}

// visit proves the object that a record made.
func (o *objectWalk) visit(r *ingest.Record) error {
	objects, err := o.objects.allAt(r)
	if err != nil {
		return err
	}
	listed, err := o.listings.allAt(r)
	if err != nil || len(objects)+len(listed) == 0 {
		return err
	}
	if len(objects) != 1 {
		o.disagree(r.Offset, "objects says of %d objects that this record made them; object_lists has %d rows of it", len(objects), len(listed))
		return nil
	}
	object := &objects[0]
	if object.Identity != r.Identity() || object.Created.Received != r.Received {
		o.disagree(r.Offset, "objects says that this record made %s, received %s; it is of %s, received %s",
			object.Identity, object.Created.Received, r.Identity(), r.Received)
	}
	// A running service goes on: what has changed beyond the fixed position was
	// read at one moment here and at another one there.
	if object.Position.Offset >= o.next || slices.ContainsFunc(listed, func(l StoredObjectListing) bool { return l.Position.Offset >= o.next }) {
		return nil
	}
	o.listed(r, object, listed)
	return nil
}

// foundBy reports whether an object is found by its row on a list, also when it is
// deleted: a start finds the last version of each Tariff on its owner's.
func foundBy(o *StoredObject, l ObjectList) bool {
	return o.Identity.Object == ingest.ObjectTariff && l.Party == o.Identity.Key.Party && (l.Kind == ListOpen || l.Kind == ListOwn)
}

// listedSince is when an object came to a list, where that is kept.
func listedSince(s *ingest.ObjectState, l ObjectList) ocpi.Time {
	if s.Object != ingest.ObjectSession {
		return 0
	}
	return ReceivedAt(s, l)
}

// listed holds the lists that an object is on against those that its state says.
func (o *objectWalk) listed(r *ingest.Record, object *StoredObject, listed []StoredObjectListing) {
	var want []StoredObjectListing
	state := object.state()
	ListsOf(state, func(l ObjectList, gone bool) {
		if !gone || foundBy(object, l) {
			want = append(want, StoredObjectListing{object.Identity, object.Position, object.Created, l, ListedAt(state, l), listedSince(state, l), gone})
		}
	})
	listed = slices.DeleteFunc(listed, func(l StoredObjectListing) bool { return l.Gone && !foundBy(object, l.List) })
	for i := range listed { // rows from before receipts were kept have what comes near
		if l := &listed[i]; l.Received == max(l.Created.Received, l.LastUpdated) {
			l.Received = listedSince(state, l.List)
		}
	}
	for i := range want {
		if !slices.Contains(listed, want[i]) {
			o.disagree(r.Offset, "object_lists lacks %s, last updated %s, on list %d of %q", object.Identity, want[i].LastUpdated, want[i].List.Kind, want[i].List.Party)
		}
	}
	for i := range listed {
		if !slices.Contains(want, listed[i]) || slices.Contains(listed[:i], listed[i]) {
			o.disagree(r.Offset, "object_lists has %s, last updated %s, on list %d of %q", listed[i].Identity, listed[i].LastUpdated, listed[i].List.Kind, listed[i].List.Party)
		}
	}
}
