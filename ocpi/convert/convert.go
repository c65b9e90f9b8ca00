package convert

import (
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
)

// Kind is a kind of object, or of a part of one that has a URL of its own.
type Kind uint8

// The kinds that are converted.
const (
	CDR Kind = iota + 1
	Session
	Location
	EVSE
	Connector
	Tariff
	Token
)

// String returns the name of the kind's class.
func (k Kind) String() string {
	if k < CDR || k > Token {
		return "unknown kind"
	}
	return kindNames[k]
}

var kindNames = [...]string{CDR: "CDR", Session: "Session", Location: "Location", EVSE: "EVSE", Connector: "Connector", Tariff: "Tariff", Token: "Token"}

// Context is what a body lacks and a conversion may need. What is not known stays
// zero: then the rules for what is not known apply.
type Context struct {
	// Owner is whose object it is. To 2.1.1 it says that the reader knows, so that
	// the owner in the body is no loss; from 2.1.1, whose bodies do not say, an
	// object without it is refused.
	Owner ocpi.Party
	// At is the instant at which a Tariff is shown to 2.1.1, which has no validity:
	// one that does not cover it is refused. Within a CDR it is the start of the charge.
	At ocpi.Time
	// Token returns who is to pay for a contract of a 2.1.1 Session or CDR that began at
	// an instant, and the uid and type of its Token, "" where they are not known; false
	// where nobody is known to pay: then the object is refused.
	Token func(contractID string, at ocpi.Time) (ocpi.CDRToken, bool)
	// TokenTypes returns the types under which the owner has Tokens of a uid: 2.1.1
	// shows one of them.
	TokenTypes func(uid string) []string
	// Location returns the Location of the owner as it was at the start of a charge,
	// nil where it is not known: a 2.1.1 Session or CDR carries it.
	Location func(id string, at ocpi.Time) (body []byte, v ocpi.Version)
	// TariffInForce returns the one of a Connector's Tariffs that is REGULAR and in
	// force: 2.1.1 Connectors name one.
	TariffInForce func(ids []string) (id string, ok bool)
	// Zone returns the time zone of a country (alpha-3) that has only one, "" of any
	// other: a 2.1.1 Location need not say it.
	Zone func(country string) string
}

// Result is an object in the target version.
type Result struct {
	Body []byte
	Lost []Loss
}

// Loss is something that the target version cannot hold or that stands in it with
// another meaning (Path is that of the body as sent, such as
// "evses[0].connectors[1].max_electric_power"), or something that it requires and
// nobody knows (Path is that of the body handed out).
type Loss struct {
	Path   string
	Reason string
}

// Refused is the error of an object that cannot be handed out in the target version
// without another price, or not at all.
type Refused struct {
	Path   string
	Reason string
}

// Error returns the path and the reason.
func (r *Refused) Error() string { return r.Path + ": " + r.Reason }

// Convert returns an object, which stands in raw in one version, in another. Errors:
// *ocpi.SyntaxError, *ocpi.Invalid where raw is no object, *Refused with what was
// lost before. Body is raw itself where nothing changes.
func Convert(kind Kind, from, to ocpi.Version, raw []byte, ctx Context) (Result, error) {
	if from == to {
		return Result{Body: raw}, nil
	}
	if kind < CDR || kind > Token || !known(from) || !known(to) {
		return Result{}, fmt.Errorf("convert a %s from %s to %s: no such conversion", kind, from, to)
	}
	if _, err := ocpi.SplitObject(raw); err != nil {
		return Result{}, err
	}
	c := &conversion{from: from, to: to, ctx: ctx, at: ctx.At}
	text := string(raw)
	body, ok := c.object(classes[kind], text)
	switch {
	case c.refused != nil:
		return Result{Lost: c.lost}, c.refused
	case !ok:
		last := c.lost[len(c.lost)-1] // says why the object itself is left out
		return Result{Lost: c.lost}, &Refused{last.Path, last.Reason}
	case body == text:
		return Result{Body: raw, Lost: c.lost}, nil
	}
	return Result{Body: []byte(body), Lost: c.lost}, nil
}

func known(v ocpi.Version) bool { return v == ocpi.V211 || v == ocpi.V221 || v == ocpi.V230 }

// classes are the classes of the kinds.
var classes = [...]*class{
	CDR: cdrClass, Session: sessionClass, Location: locationClass, EVSE: evseClass,
	Connector: connectorClass, Tariff: tariffClass, Token: tokenClass,
}
