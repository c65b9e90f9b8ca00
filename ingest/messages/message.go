package messages

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Direction is who sent the request.
type Direction uint8

// Directions.
const (
	In  Direction = iota + 1 // the partner
	Out                      // we
)

var directionNames = [...]string{"", "in", "out"}

// String returns "in" or "out".
func (d Direction) String() string { return directionNames[d] }

// ParseDirection reads "in" or "out".
func ParseDirection(s string) (Direction, bool) {
	for d := In; d <= Out; d++ {
		if s == d.String() {
			return d, true
		}
	}
	return 0, false
}

// MaxBody is how much of a body is kept here that the log does not hold, in bytes: pages of
// lists are larger, and hold what is kept elsewhere.
const MaxBody = 64 << 10

// Place is where the log holds a body. Topic "" = it does not.
type Place struct {
	Topic ingest.Topic
	ingest.Position
}

// Message is one request and its answer. What is not known is zero.
type Message struct {
	At            ocpi.Time // when it began
	Seq           uint64    // which one of an instant
	Partner       string    // its id
	Direction     Direction
	Method        string
	Path          string       // with the query, of ours the whole URL; without secrets, see [Path]
	Version       ocpi.Version // of the route
	From, To      string       // parties of the routing headers, such as "NL*TNM"
	RequestID     string
	CorrelationID string
	HTTP          uint16 // status of the answer, 0 = there was none
	Status        uint16 // of OCPI
	Micros        uint32 // until it was answered
	Object        string // kind of what it is about, or the module
	Owner         string // party that has it
	ID            string // of it, folded
	SessionID     string // folded; of a Session its own
	Token         string // digest of the uid of the Token, see [Log]
	Held          Place  // of the request's body
	Reason        string // why it was not done
	Request       []byte // its body where the log does not hold it; MaxBody of it at most
	Response      []byte // likewise
	RequestBytes  uint32 // how large they were
	ResponseBytes uint32
	// NotKept makes the message none: that many of the partner's were not kept by then.
	NotKept uint32

	TokenUID string // as sent: it goes no further than the queue
}

// MessageID is the id of a message, for a URL.
type MessageID struct {
	At  ocpi.Time
	Seq uint64
}

// ID returns the message's id.
func (m *Message) MessageID() MessageID { return MessageID{m.At, m.Seq} }

// String returns 32 characters.
func (id MessageID) String() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(id.At))
	binary.BigEndian.PutUint64(b[8:], id.Seq)
	return hex.EncodeToString(b[:])
}

// ParseMessageID reads what String wrote.
func ParseMessageID(s string) (id MessageID, ok bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 16 {
		return id, false
	}
	return MessageID{ocpi.Time(binary.BigEndian.Uint64(b[:8])), binary.BigEndian.Uint64(b[8:])}, true
}

// Query says which messages are asked for. What is zero does not restrict.
type Query struct {
	Partner       string
	Direction     Direction
	From, To      ocpi.Time // they began from From on, before To
	HTTP          uint16
	Status        uint16
	Failed        bool // those that were not done
	RequestID     string
	CorrelationID string
	SessionID     string // folded
	CDRID         string // folded
	Token         string // digest of a uid
	After         string // cursor
	Limit         int
}

// ErrNoMessage says that there is no message of an id, or none any more.
var ErrNoMessage = errors.New("there is no such message")

// Store keeps messages.
type Store interface {
	// WriteMessages adds messages. Some that it has already do no harm.
	WriteMessages(ctx context.Context, list []Message) error
	// ForgetMessages removes the days that ended before an instant.
	ForgetMessages(ctx context.Context, before time.Time) error
	// Messages returns a page, the latest first, without bodies; next is the cursor of
	// the next one, "" at the end.
	Messages(ctx context.Context, q Query) (page []Message, next string, err error)
	// Message returns one with its bodies, that of the log too where the store has it.
	// The error is ErrNoMessage.
	Message(ctx context.Context, id MessageID) (*Message, error)
	// MessagesNotKept counts those that were not kept: of the partner and the time that
	// are asked for.
	MessagesNotKept(ctx context.Context, q Query) (uint64, error)
}
