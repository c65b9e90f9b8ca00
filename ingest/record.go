package ingest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Topic is one of the log's topics. Names are frozen: they stand in every
// stored position.
type Topic string

// Topics of the log. Partner data is keyed by the folded object identity, so
// that all copies of an object are in one partition, in order.
const (
	TopicCDRs      Topic = "roamclear.cdrs"      // N partitions
	TopicSessions  Topic = "roamclear.sessions"  // N partitions: Sessions, and what we note of charges
	TopicCommands  Topic = "roamclear.commands"  // N partitions: what is asked of CPOs, and what came of it
	TopicReference Topic = "roamclear.reference" // 1 partition: locations, tariffs, tokens, invoice reconciliation
	TopicRefused   Topic = "roamclear.refused"   // 1 partition: bodies we could not use
	TopicControl   Topic = "roamclear.control"   // 1 partition, kept for ever
)

// Object is the kind of OCPI object a record carries.
type Object uint8

// Object kinds.
const (
	ObjectCDR Object = iota + 1
	ObjectSession
	ObjectTariff
	ObjectLocation
	ObjectToken
	ObjectInvoice // an InvoiceReconciliationRecord

	// What we note ourselves, see Annotation.
	ObjectAuthorization // the last real-time authorizations of a Token at a CPO, see TokenAt
	ObjectDelivery      // what whom a CDR is for said of it

	ObjectCommand // a command, of the eMSP that asked; its id is ours
)

var objectNames = [...]string{"", "cdr", "session", "tariff", "location", "token", "invoice", "authorization", "delivery", "command"}

// String returns the kind in lower case, "" for none.
func (o Object) String() string {
	if int(o) >= len(objectNames) {
		return fmt.Sprintf("kind %d", uint8(o))
	}
	return objectNames[o]
}

// Known reports whether this version knows the kind.
func (o Object) Known() bool { return o > 0 && int(o) < len(objectNames) }

// ObjectOf returns the kind that a name means, 0 for one that this version
// does not know.
func ObjectOf(name string) Object { return Object(max(slices.Index(objectNames[:], name), 0)) }

// OfTwo reports whether objects of the kind concern their owner and one other party,
// and nobody else, whether or not that one is known.
func (o Object) OfTwo() bool {
	switch o {
	case ObjectSession, ObjectInvoice, ObjectAuthorization, ObjectDelivery:
		return true
	}
	return false
}

// Listed reports whether OCPI lists objects of the kind one by one, as they are now: a
// Sender interface has a list of them. CDRs never change, and have lists of their own;
// what we note ourselves, and commands, nobody lists.
func (o Object) Listed() bool {
	switch o {
	case ObjectSession, ObjectTariff, ObjectLocation, ObjectToken, ObjectInvoice:
		return true
	}
	return false
}

// Topic returns the topic by which objects of the kind come.
func (o Object) Topic() Topic {
	switch o {
	case ObjectCDR:
		return TopicCDRs
	case ObjectSession, ObjectAuthorization, ObjectDelivery:
		return TopicSessions
	case ObjectCommand:
		return TopicCommands
	}
	return TopicReference
}

// Method is what the partner did with the object.
type Method uint8

// Methods.
const (
	MethodPost Method = iota + 1
	MethodPut
	MethodPatch
	MethodDelete
)

var methodNames = [...]string{"", "POST", "PUT", "PATCH", "DELETE"}

// String returns the HTTP method name.
func (m Method) String() string { return methodNames[m] }

// Envelope is what roamclear knows about a body besides the body: it travels
// in the record's headers, versioned, and never changes.
type Envelope struct {
	Object   Object
	Method   Method
	Version  ocpi.Version
	Sender   string    // partner id, see package control
	Key      ocpi.Key  // folded identity; for EVSE and Connector pushes the Location's
	Variant  string    // see Identity
	Path     string    // of a part of a Location: "EVSE_UID" or "EVSE_UID/CONNECTOR_ID", see PartPath; of an invoice whom it is for, "NL*EXW"; of a Session whose token names nobody who pays for its contract, see PayerPath; of a command what the record tells; "" = the whole object
	Received ocpi.Time // when the body was complete, by the receiving process's clock
	Hash     Hash      // canonical content hash of the body, see ocpi.CanonicalHash; of a CDR the worker adds it
	Reason   string    // TopicRefused only: why the body could not be used
}

// Identity returns which object the record is about.
func (e *Envelope) Identity() Identity { return Identity{e.Object, e.Key, e.Variant} }

// Sub returns variant and path as one text, as header and store have it: a
// kind of object has the one or the other, never both.
func (e *Envelope) Sub() string {
	if e.Object.hasPath() {
		return e.Path
	}
	return e.Variant
}

// hasPath reports whether records of the kind have a path, which is no part of
// the object's identity; those of the others have a variant, which is.
func (o Object) hasPath() bool {
	return o == ObjectLocation || o == ObjectInvoice || o == ObjectSession || o == ObjectCommand
}

// SetSub sets variant and path to what Sub returned.
func (e *Envelope) SetSub(sub string) {
	e.Variant, e.Path = sub, ""
	if e.Object.hasPath() {
		e.Variant, e.Path = "", sub
	}
}

// Hash is a SHA-256.
type Hash [32]byte

// Position is where a record stands in the log. It is the record's identity
// and the receipt handed to the partner.
type Position struct {
	Epoch     uint8 // topic epoch, see package control
	Partition int32
	Offset    int64
}

// String returns "epoch-partition-offset", the receipt's form.
func (p Position) String() string {
	var b [40]byte
	return string(p.Append(b[:0]))
}

// Append appends the receipt's form to b.
func (p Position) Append(b []byte) []byte {
	b = append(strconv.AppendUint(b, uint64(p.Epoch), 10), '-')
	b = append(strconv.AppendInt(b, int64(p.Partition), 10), '-')
	return strconv.AppendInt(b, p.Offset, 10)
}

// ParsePosition reads what String writes.
func ParsePosition(text string) (p Position, ok bool) {
	epoch, rest, _ := strings.Cut(text, "-")
	partition, offset, _ := strings.Cut(rest, "-")
	e, err1 := strconv.ParseUint(epoch, 10, 8)
	n, err2 := strconv.ParseUint(partition, 10, 31)
	o, err3 := strconv.ParseUint(offset, 10, 63)
	p = Position{Epoch: uint8(e), Partition: int32(n), Offset: int64(o)}
	if err1 != nil || err2 != nil || err3 != nil || p.String() != text {
		return Position{}, false
	}
	return p, true
}

// Before reports whether p stands before q in their partition.
func (p Position) Before(q Position) bool {
	return p.Epoch < q.Epoch || p.Epoch == q.Epoch && p.Offset < q.Offset
}

// Record is one accepted body in the log. Body aliases the read buffer: it is
// valid until the batch it came in is released.
type Record struct {
	Position
	Envelope
	Body []byte
}
