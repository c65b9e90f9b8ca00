package ocpi

import (
	"errors"
	"fmt"
)

// ErrNoParent says that the Location, EVSE or Connector that was to be
// changed, or that was to hold the new one, is not known (E10, E11).
var ErrNoParent = errors.New("the Location, EVSE or Connector is not known")

// PutEVSE puts one EVSE into a Location, in place of the one with the same
// uid or as a new one. The Location takes over its last_updated when that is
// later (R-LOC-02). Errors: *SyntaxError, *Invalid, ErrNoParent.
func PutEVSE(location []byte, evseUID string, body []byte) ([]byte, error) {
	return changeLocation(location, body, func(l, e RawObject) (RawObject, error) {
		if err := sameID(e, "uid", evseUID); err != nil {
			return nil, err
		}
		return l.putChild(evseLevel, evseUID, e)
	})
}

// PutConnector puts one Connector into an EVSE of a Location, as PutEVSE does
// for EVSEs.
func PutConnector(location []byte, evseUID, connectorID string, body []byte) ([]byte, error) {
	return changeLocation(location, body, func(l, c RawObject) (RawObject, error) {
		if err := sameID(c, "id", connectorID); err != nil {
			return nil, err
		}
		e, ok, err := l.child(evseLevel, evseUID)
		if err != nil || !ok {
			return nil, noParent(err)
		}
		if e, err = e.putChild(connectorLevel, connectorID, c); err != nil {
			return nil, err
		}
		return l.putChild(evseLevel, evseUID, e)
	})
}

// PatchLocation applies a PATCH to a Location, to one of its EVSEs (when
// evseUID is not "") or to a Connector of it (when connectorID is neither).
// Members of the patch replace those of the object, but for evses and
// connectors, which are merged by uid and id (R-OWN-05): each element must
// have its own. last_updated bubbles up as with PutEVSE.
func PatchLocation(location []byte, evseUID, connectorID string, patch []byte) ([]byte, error) {
	return changeLocation(location, patch, func(l, p RawObject) (RawObject, error) {
		if evseUID == "" {
			return l.patch(p, &evseLevel, "")
		}
		if err := keepsID(p, evseUID, connectorID); err != nil {
			return nil, err
		}
		e, ok, err := l.child(evseLevel, evseUID)
		if err != nil || !ok {
			return nil, noParent(err)
		}
		if connectorID == "" {
			e, err = e.patch(p, &connectorLevel, "")
		} else {
			var c RawObject
			if c, ok, err = e.child(connectorLevel, connectorID); err != nil || !ok {
				return nil, noParent(err)
			}
			if c, err = c.patch(p, nil, ""); err != nil {
				return nil, err
			}
			e, err = e.bubble(p).putChild(connectorLevel, connectorID, c)
		}
		if err != nil {
			return nil, err
		}
		return l.putChild(evseLevel, evseUID, e)
	})
}

// Sub returns one EVSE, or one of its Connectors, of a Location as a part of
// its text; with evseUID "" the Location itself. Ids compare without case.
func Sub(location []byte, evseUID, connectorID string) (raw []byte, ok bool) {
	raw = location
	for _, step := range []struct {
		level childLevel
		id    string
	}{{evseLevel, evseUID}, {connectorLevel, connectorID}} {
		if step.id == "" {
			break
		}
		o, err := splitObject(raw, "$")
		if err != nil {
			return nil, false
		}
		children, at, err := o.children(step.level, step.id)
		if err != nil || at < 0 {
			return nil, false
		}
		raw = bytesOf(children[at])
	}
	return raw, len(raw) > 0
}

// childLevel is a list of objects within an object, known by an id.
type childLevel struct {
	list, id string
	below    *childLevel
}

var (
	connectorLevel = childLevel{list: "connectors", id: "id"}
	evseLevel      = childLevel{list: "evses", id: "uid", below: &connectorLevel}
)

// changeLocation takes both bodies apart, lets change make the new Location,
// bubbles last_updated up and puts the Location together.
func changeLocation(location, body []byte, change func(l, b RawObject) (RawObject, error)) ([]byte, error) {
	b, err := splitObject(body, "$")
	if err != nil {
		return nil, err
	}
	if len(location) == 0 {
		return nil, ErrNoParent
	}
	l, err := splitStored(location)
	if err != nil {
		return nil, err
	}
	if l, err = change(l, b); err != nil {
		return nil, err
	}
	return l.bubble(b).Bytes(), nil
}

// noParent is the error of a child that was looked for and not found.
func noParent(err error) error {
	if err != nil {
		return err
	}
	return ErrNoParent
}

// keepsID refuses a PATCH that would give an EVSE or Connector another id:
// ids never change (R-LOC-03).
func keepsID(patch RawObject, evseUID, connectorID string) error {
	name, id := "uid", evseUID
	if connectorID != "" {
		name, id = "id", connectorID
	}
	if patch.index(name) < 0 {
		return nil
	}
	return sameID(patch, name, id)
}

func sameID(o RawObject, name, id string) error {
	if got := o.Text(name); id == "" || Fold(got) != Fold(id) {
		return invalid(name, fmt.Sprintf("want %q as in the URL", id))
	}
	return nil
}

// children returns an object's children and where the one with the id is, -1
// when there is none.
func (o RawObject) children(level childLevel, id string) (children []string, at int, err error) {
	at = -1
	if children, err = SplitArray(o.Value(level.list), level.list); err != nil {
		return nil, at, err
	}
	for i, c := range children {
		if child, err := splitObject(bytesOf(c), level.list); err == nil && Fold(child.Text(level.id)) == Fold(id) {
			at = i
		}
	}
	return children, at, nil
}

func (o RawObject) child(level childLevel, id string) (child RawObject, ok bool, err error) {
	children, at, err := o.children(level, id)
	if err != nil || at < 0 {
		return nil, false, err
	}
	child, err = splitObject(bytesOf(children[at]), level.list)
	return child, err == nil, err
}

// putChild puts a child in place of the one with the same id, or at the end.
// The parent takes over the child's last_updated when that is later.
func (o RawObject) putChild(level childLevel, id string, child RawObject) (RawObject, error) {
	children, at, err := o.children(level, id)
	if err != nil {
		return nil, err
	}
	text := string(child.Bytes())
	if at >= 0 {
		children[at] = text
	} else {
		children = append(children, text)
	}
	return o.setPlain(level.list, JoinArray(children)).bubble(child), nil
}

// patch merges p into o; the list of the level is merged by id.
func (o RawObject) patch(p RawObject, level *childLevel, path string) (RawObject, error) {
	for _, m := range p {
		if level == nil || m.Name != level.list || m.Value == "null" {
			o = o.set(m)
			continue
		}
		var err error
		if o, err = o.patchChildren(m.Value, level, path+level.list); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (o RawObject) patchChildren(list string, level *childLevel, path string) (RawObject, error) {
	patches, err := SplitArray(list, path)
	if err != nil {
		return nil, err
	}
	for i, text := range patches {
		at := fmt.Sprintf("%s[%d]", path, i)
		p, err := splitObject(bytesOf(text), at)
		if err != nil {
			return nil, err
		}
		id := p.Text(level.id)
		if id == "" {
			return nil, invalid(at+"."+level.id, "missing: the list is merged by it")
		}
		child, _, err := o.child(*level, id)
		if err != nil {
			return nil, err
		}
		if child, err = child.patch(p, level.below, at+"."); err != nil {
			return nil, err
		}
		if o, err = o.putChild(*level, id, child); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// bubble gives o the last_updated of a part of it when that is later than its
// own, so that lists filtered by date show the change (R-LOC-02).
func (o RawObject) bubble(part RawObject) RawObject {
	changed, _, err := ParseTime(part.Text("last_updated"))
	if err != nil {
		return o
	}
	if own, _, err := ParseTime(o.Text("last_updated")); err == nil && own >= changed {
		return o
	}
	return o.setPlain("last_updated", part.Value("last_updated"))
}
