package hub

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// address reads the target with what stands below the object: the parts of a
// Location from the path, the type of a Token from the query (OCPI 2.2.1
// mod_locations and mod_tokens, "Receiver Interface").
func (x *exchange) address() (ingest.Target, error) {
	t, err := x.target()
	if err != nil {
		return t, err
	}
	switch t.Object {
	case ingest.ObjectLocation:
		t.Path = ingest.PartPath(api.Param(x.c, "evse"), api.Param(x.c, "connector"))
	case ingest.ObjectToken:
		t.Variant, err = x.tokenType(t)
	case ingest.ObjectTariff:
		t.Variant, err = x.recipient(t.Key.Party)
	}
	return t, err
}

// recipient returns whom a Tariff is for: who OCPI-to names, in 2.1.1 who the
// connection is with, or "", everybody. An owner may have several of one id. What
// NAPs publish is for everybody.
func (x *exchange) recipient(owner ocpi.Party) (string, error) {
	to, other, err := x.addressee()
	if with := x.partner.Counterparty; x.route.version == ocpi.V211 && !with.IsZero() {
		to, other = with, true
	}
	if err != nil || !other {
		return "", err
	}
	if !x.partner.Charging().Owns(owner) {
		return "", wrongParameter(toHeaders, "only a CPO has Tariffs for single parties")
	}
	return to.String(), nil
}

const maxTokenType = 36

// defaultTokenType is that of a Token of which nothing else is said.
const defaultTokenType = "RFID"

// tokenType reads the query parameter type; RFID when it is absent. OCPI 2.1.1
// has no such parameter.
func (x *exchange) tokenType(t ingest.Target) (string, error) {
	given, ok := x.r.URL.Query()["type"]
	switch {
	case !ok && x.route.version == ocpi.V211:
		return x.tokenType211(t)
	case !ok:
		return defaultTokenType, nil
	case len(given) > 1 || given[0] == "" || len(given[0]) > maxTokenType:
		return "", wrongParameter("type", "want one TokenType, such as RFID")
	}
	return ocpi.Fold(given[0]), nil
}

// tokenTypes211 are the types that a Token of OCPI 2.1.1 is looked for in: its
// own two, and those that it shows as OTHER.
var tokenTypes211 = []string{defaultTokenType, "OTHER", "APP_USER", "AD_HOC_USER", "EMAID"}

// tokenType211 finds the type of a Token where the URL cannot say it: a PUT has
// it in its body, else it is that of the Token there is.
func (x *exchange) tokenType211(t ingest.Target) (string, error) {
	if x.route.method == http.MethodPut {
		return cmp.Or(strings.Clone(ocpi.Fold(ocpi.Text(x.body, "type"))), defaultTokenType), nil // the body is used again
	}
	ctx, cancel := x.limited()
	defer cancel()
	for _, t.Variant = range tokenTypes211 {
		if _, ok, err := x.s.Objects.Get(ctx, t); err != nil || ok {
			return t.Variant, err
		}
	}
	return defaultTokenType, nil
}

func wrongParameter(name, reason string) error {
	return &ocpi.Invalid{Fields: []ocpi.FieldError{{Path: name, Reason: reason}}}
}

// objectLimit is how long a request about a client-owned object may take. It
// waits for the follower, which waits for a store that is away; without a
// limit such requests would take every place that CDRs need.
const objectLimit = 10 * time.Second

func (x *exchange) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(x.r.Context(), objectLimit)
}

func (x *exchange) put() (answer, error) {
	return x.change(func(ctx context.Context, t ingest.Target) (ingest.Receipt, error) {
		return x.s.Intake.Put(ctx, x.sender(), x.route.version, t, x.body)
	})
}

func (x *exchange) patch() (answer, error) {
	return x.change(func(ctx context.Context, t ingest.Target) (ingest.Receipt, error) {
		return x.s.Intake.Patch(ctx, x.sender(), x.route.version, t, x.body)
	})
}

func (x *exchange) delete() (answer, error) {
	return x.change(func(ctx context.Context, t ingest.Target) (ingest.Receipt, error) {
		return x.s.Intake.Delete(ctx, x.sender(), x.route.version, t)
	})
}

// change has the intake change the object that the request is about.
func (x *exchange) change(push func(context.Context, ingest.Target) (ingest.Receipt, error)) (answer, error) {
	t, err := x.address()
	if err != nil {
		return answer{}, err
	}
	ctx, cancel := x.limited()
	defer cancel()
	r, err := push(ctx, t)
	return x.kept(t, r, err)
}

// kept answers for a target that was pushed.
func (x *exchange) kept(t ingest.Target, r ingest.Receipt, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	x.pushed = t
	return answer{created: r.Created, message: successMessage("", r.Findings), receipt: r.Position.String()}, nil
}

// get serves a client-owned object, or a part of one, back to its owner, as it
// was sent or, after PATCHes and parts, as they made it.
func (x *exchange) get() (answer, error) {
	t, err := x.address()
	if err != nil {
		return answer{}, err
	}
	ctx, cancel := x.limited()
	defer cancel()
	o, ok, err := x.s.Objects.Get(ctx, ingest.Target{Object: t.Object, Key: t.Key, ID: t.ID, Variant: t.Variant})
	if err != nil {
		return answer{}, err
	}
	if !ok {
		return answer{}, ingest.ErrUnknownObject
	}
	return x.part(t, &o)
}

// part answers with an object, or the part of it that a target names.
func (x *exchange) part(t ingest.Target, o *ingest.ObjectState) (answer, error) {
	kind, body, ok := t.Object.Kind(), o.Body, true
	if evse, connector := t.Part(); evse != "" {
		kind = partKind(connector)
		body, ok = ocpi.Sub(o.Body, evse, connector)
	}
	if !ok {
		return answer{}, ingest.ErrUnknownObject
	}
	return x.show(kind, ingest.Identity{Object: t.Object, Key: t.Key, Variant: t.Variant}, o.Version, body)
}

// senderLocation serves a Location of any owner, or a part of it (OCPI 2.2.1
// mod_locations, "GET Object" of the Sender interface). Its path names no owner:
// that is who the message is for, or else whose it is of those that the partner may
// see.
func (x *exchange) senderLocation() (answer, error) {
	id := api.Param(x.c, "id")
	owners := x.owners()
	if id == "" || len(owners) == 0 {
		return answer{}, ingest.ErrUnknownObject
	}
	to, other, err := x.addressee()
	if err != nil {
		return answer{}, err
	}
	if other {
		owners = slices.DeleteFunc(slices.Clone(owners), func(p ocpi.Party) bool { return p != to })
	}
	ids := make([]ingest.Identity, len(owners))
	for i, p := range owners {
		ids[i] = ingest.Identity{Object: x.route.object, Key: ocpi.NewKey(p.Country, p.ID, id)}
	}
	ctx, cancel := x.limited()
	defer cancel()
	found, err := x.s.Objects.Find(ctx, ids)
	switch {
	case err != nil:
		return answer{}, err
	case len(found) == 0:
		return answer{}, ingest.ErrUnknownObject
	case len(found) > 1:
		if x.tellsIDsAlone() {
			x.sharedIDs([]string{fmt.Sprintf("%s %s of %s and %s", x.route.object, found[0].Key.ID, found[0].Key.Party, found[1].Key.Party)})
		}
		return answer{}, wrongParameter(toHeaders, fmt.Sprintf(
			"missing: %d parties have a Location of this id, %s and %s among them", len(found), found[0].Key.Party, found[1].Key.Party))
	}
	return x.part(ingest.Target{Object: x.route.object, Key: found[0].Key, Path: ingest.PartPath(api.Param(x.c, "evse"), api.Param(x.c, "connector"))}, &found[0])
}
