package ocpi

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// CommandType names a command (mod_commands, "CommandType").
type CommandType string

// The commands there are. CANCEL_RESERVATION came with 2.2.
const (
	StartSession      CommandType = "START_SESSION"
	StopSession       CommandType = "STOP_SESSION"
	ReserveNow        CommandType = "RESERVE_NOW"
	CancelReservation CommandType = "CANCEL_RESERVATION"
	UnlockConnector   CommandType = "UNLOCK_CONNECTOR"
)

// CommandTypes lists the commands that a version has.
func CommandTypes(v Version) []CommandType {
	if v == V211 {
		return []CommandType{StartSession, StopSession, ReserveNow, UnlockConnector}
	}
	return []CommandType{StartSession, StopSession, ReserveNow, CancelReservation, UnlockConnector}
}

// MaxResponseURL bounds response_url (mod_commands: URL, string(255)).
const MaxResponseURL = 255

// Command is what of a command roamclear works with (mod_commands, "StartSession
// Object" and those beside it). Raw is the whole of it as it was sent.
type Command struct {
	Type                   CommandType
	Version                Version
	ResponseURL            string
	Token                  []byte // START_SESSION, RESERVE_NOW: the Token as it was sent
	LocationID             string
	EVSEUID                string // "" = not said
	ConnectorID            string // "" = not said; START_SESSION since 2.2, UNLOCK_CONNECTOR
	AuthorizationReference string // since 2.2
	ReservationID          string // of 2.1.1 the digits of its number
	Expiry                 Time   // RESERVE_NOW
	SessionID              string // STOP_SESSION
	Raw                    []byte
}

// ReadCommand reads a command's body. Errors: *SyntaxError, or *Invalid with every
// member that is wrong or missing. It aliases nothing but raw.
func ReadCommand(v Version, t CommandType, raw []byte) (*Command, error) {
	o, err := SplitObject(raw)
	if err != nil {
		return nil, err
	}
	r := commandReader{object: o, version: v}
	c := &Command{Type: t, Version: v, Raw: raw, ResponseURL: r.text("response_url", MaxResponseURL, true)}
	switch t {
	case StartSession:
		c.Token = r.token()
		c.LocationID, c.EVSEUID = r.text("location_id", r.idLength(), true), r.text("evse_uid", r.idLength(), false)
		if v != V211 {
			c.ConnectorID, c.AuthorizationReference = r.text("connector_id", 36, false), r.text("authorization_reference", 36, false)
			if c.ConnectorID != "" && c.EVSEUID == "" {
				r.wrong("evse_uid", "missing: connector_id says nothing without it")
			}
		}
	case ReserveNow:
		c.Token, c.Expiry = r.token(), r.time("expiry_date")
		c.LocationID, c.EVSEUID = r.text("location_id", r.idLength(), true), r.text("evse_uid", r.idLength(), false)
		c.ReservationID = r.reservation()
		if v != V211 {
			c.AuthorizationReference = r.text("authorization_reference", 36, false)
		}
	case CancelReservation:
		c.ReservationID = r.reservation()
	case StopSession:
		c.SessionID = r.text("session_id", 36, true)
	case UnlockConnector:
		c.LocationID, c.EVSEUID = r.text("location_id", r.idLength(), true), r.text("evse_uid", r.idLength(), true)
		c.ConnectorID = r.text("connector_id", 36, true)
	}
	if len(r.fields) > 0 {
		return nil, &Invalid{Fields: r.fields}
	}
	return c, nil
}

// commandReader reads members and gathers what is wrong with them.
type commandReader struct {
	object  RawObject
	version Version
	fields  []FieldError
}

func (r *commandReader) wrong(name, reason string) {
	r.fields = append(r.fields, FieldError{name, reason})
}

// idLength bounds ids of Locations and EVSEs (2.1.1: string(39)).
func (r *commandReader) idLength() int {
	if r.version == V211 {
		return 39
	}
	return 36
}

func (r *commandReader) text(name string, limit int, required bool) string {
	value := r.object.Value(name)
	s := RawText(value)
	switch {
	case value == "" && required:
		r.wrong(name, "missing")
	case value != "" && value[0] != '"', value != "" && s == "":
		r.wrong(name, "want a string")
	case len(s) > limit:
		r.wrong(name, "longer than "+strconv.Itoa(limit)+" characters")
	default:
		return strings.Clone(s)
	}
	return ""
}

func (r *commandReader) token() []byte {
	value := r.object.Value("token")
	switch {
	case value == "":
		r.wrong("token", "missing")
	case value[0] != '{':
		r.wrong("token", "want an object")
	default:
		return []byte(value)
	}
	return nil
}

func (r *commandReader) time(name string) Time {
	text := r.text(name, 64, true)
	if text == "" {
		return 0
	}
	t, _, err := ParseTime(text)
	if err != nil {
		r.wrong(name, err.Error())
	}
	return t
}

// reservation reads a reservation_id: in 2.1.1 a number, later a string.
func (r *commandReader) reservation() string {
	if r.version != V211 {
		return r.text("reservation_id", 36, true)
	}
	text := RawText(r.object.Value("reservation_id"))
	if _, err := strconv.ParseInt(text, 10, 64); err != nil {
		r.wrong("reservation_id", "want a whole number")
	}
	return strings.Clone(text)
}

// DisplayText is a text in a language (2.2.1 types, "DisplayText").
type DisplayText struct {
	Language string `json:"language"`
	Text     string `json:"text"`
}

// Results that an answer to a command has (mod_commands, "CommandResponseType" and
// "CommandResultType").
const (
	CommandAccepted            = "ACCEPTED"
	CommandRejected            = "REJECTED"
	CommandNotSupported        = "NOT_SUPPORTED"
	CommandUnknownSession      = "UNKNOWN_SESSION"
	CommandTimeout             = "TIMEOUT" // of a response in 2.1.1, of a result since 2.2
	CommandFailed              = "FAILED"
	CommandCanceledReservation = "CANCELED_RESERVATION"
)

var (
	responseTypes = map[Version][]string{
		V211: {CommandNotSupported, CommandRejected, CommandAccepted, CommandTimeout, CommandUnknownSession},
		V221: {CommandNotSupported, CommandRejected, CommandAccepted, CommandUnknownSession},
		V230: {CommandNotSupported, CommandRejected, CommandAccepted, CommandUnknownSession},
	}
	resultTypes = []string{CommandAccepted, CommandCanceledReservation, "EVSE_OCCUPIED", "EVSE_INOPERATIVE", CommandFailed, CommandNotSupported,
		CommandRejected, CommandTimeout, "UNKNOWN_RESERVATION"}
)

// CommandAnswer is a CommandResponse or a CommandResult (mod_commands): what a CPO
// says of a command, at once and later.
type CommandAnswer struct {
	Result  string
	Timeout int // seconds until the result is due; of a response since 2.2
	Message []DisplayText
}

// Text is the message in one language, "" where there is none.
func (a *CommandAnswer) Text() string {
	if len(a.Message) == 0 {
		return ""
	}
	return a.Message[0].Text
}

// Bounds of what is kept of an answer's message.
const (
	maxMessages    = 10
	maxMessageText = 512
	maxTimeout     = 24 * 60 * 60 // seconds
)

// ReadCommandResponse reads a CommandResponse. The error is a *SyntaxError or an
// *Invalid; what is not its result is read as far as it can be read.
func ReadCommandResponse(v Version, raw []byte) (CommandAnswer, error) {
	return readCommandAnswer(raw, responseTypes[v], v != V211)
}

// ReadCommandResult reads what is posted to a response_url: a CommandResult, in 2.1.1
// a CommandResponse again. Errors are those of ReadCommandResponse.
func ReadCommandResult(v Version, raw []byte) (CommandAnswer, error) {
	if v == V211 {
		return ReadCommandResponse(v, raw)
	}
	return readCommandAnswer(raw, resultTypes, false)
}

func readCommandAnswer(raw []byte, known []string, timed bool) (a CommandAnswer, err error) {
	o, err := SplitObject(raw)
	if err != nil {
		return a, err
	}
	result := strings.ToUpper(o.Text("result"))
	if !slices.Contains(known, result) {
		return a, invalid("result", "want one of "+strings.Join(known, ", "))
	}
	a.Result = strings.Clone(result)
	if timed {
		if n, err := ParseNumber(o.Text("timeout")); err == nil { // some write 30.0
			a.Timeout = int(min(max(n.Decimal().IntPart(), 0), maxTimeout))
		}
	}
	a.Message = readMessages(o.Value("message"))
	return a, nil
}

// readMessages reads DisplayTexts, of which some partners send one instead of a list,
// or a plain string.
func readMessages(text string) (list []DisplayText) {
	if text == "" {
		return nil
	}
	if plain := RawText(text); plain != "" {
		return []DisplayText{{"en", boundedText(plain)}}
	}
	elements, err := SplitArray(text, "message")
	if err != nil {
		return nil
	}
	for _, e := range elements[:min(len(elements), maxMessages)] {
		o, err := SplitText(e)
		if err != nil {
			continue
		}
		if said := o.Text("text"); said != "" {
			list = append(list, DisplayText{strings.Clone(o.Text("language")), boundedText(said)})
		}
	}
	return list
}

func boundedText(s string) string {
	if len(s) > maxMessageText {
		s = strings.ToValidUTF8(s[:maxMessageText], "")
	}
	return strings.Clone(s)
}

// wireAnswer is a CommandAnswer in JSON.
type wireAnswer struct {
	Result  string        `json:"result"`
	Timeout *int          `json:"timeout,omitempty"`
	Message []DisplayText `json:"message,omitempty"`
}

// EncodeResponse writes a CommandResponse as a version has it.
func (a *CommandAnswer) EncodeResponse(v Version) []byte {
	if v == V211 {
		return encodeAnswer(wireAnswer{Result: a.Result})
	}
	timeout := a.Timeout
	return encodeAnswer(wireAnswer{a.Result, &timeout, a.Message})
}

// EncodeResult writes what is posted to a response_url as a version has it.
func (a *CommandAnswer) EncodeResult(v Version) []byte {
	if v == V211 {
		return encodeAnswer(wireAnswer{Result: a.Result})
	}
	return encodeAnswer(wireAnswer{Result: a.Result, Message: a.Message})
}

func encodeAnswer(w wireAnswer) []byte {
	b, err := json.Marshal(w)
	if err != nil {
		panic(err) // our own types
	}
	return b
}
