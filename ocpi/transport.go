package ocpi

import (
	"encoding/json"
	"strconv"
	"time"
)

// Status is an OCPI status code (2.2.1 status_codes).
type Status int

// The status codes that are sent.
const (
	StatusSuccess         Status = 1000
	StatusClientError     Status = 2000
	StatusInvalid         Status = 2001
	StatusUnknownLocation Status = 2003
	StatusUnknownToken    Status = 2004 // from 2.2.1 on
	StatusServerError     Status = 3000
	StatusPeerError       Status = 3001 // the client's interface cannot be used
	StatusNoVersion       Status = 3002
	StatusNoEndpoint      Status = 3003

	// Of hubs, from 2.2.1 on.
	StatusHubError        Status = 4000
	StatusUnknownReceiver Status = 4001
	StatusTimeout         Status = 4002
	StatusNotConnected    Status = 4003
)

// Headers of OCPI messages (2.2.1 transport, "Message IDs", "Message routing",
// "Paginated response"), in the canonical form that net/http keeps. OCPI
// compares header names without case.
const (
	HeaderRequestID     = "X-Request-Id"
	HeaderCorrelationID = "X-Correlation-Id"
	HeaderToCountry     = "Ocpi-To-Country-Code"
	HeaderToParty       = "Ocpi-To-Party-Id"
	HeaderFromCountry   = "Ocpi-From-Country-Code"
	HeaderFromParty     = "Ocpi-From-Party-Id"
	HeaderLink          = "Link"
	HeaderTotalCount    = "X-Total-Count"
	HeaderLimit         = "X-Limit"
)

// Envelope is OCPI's response format (2.2.1 transport, "Response format").
// Data is JSON, spliced in as it is; nil leaves it unset.
type Envelope struct {
	Data    []byte
	Status  Status
	Message string // "" = "Success"
	Time    time.Time
}

// Append writes the whole envelope behind b.
func (e *Envelope) Append(b []byte) []byte {
	if e.Data == nil {
		return e.appendTail(append(b, '{'))
	}
	b = append(b, EnvelopeData...)
	b = append(b, e.Data...)
	return e.AppendEnd(b)
}

// EnvelopeData begins an envelope whose data follows in parts; AppendEnd ends
// it.
const EnvelopeData = `{"data":`

// AppendEnd writes what follows the data.
func (e *Envelope) AppendEnd(b []byte) []byte { return e.appendTail(append(b, ',')) }

func (e *Envelope) appendTail(b []byte) []byte {
	b = append(b, `"status_code":`...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, `,"status_message":`...)
	if e.Message == "" {
		b = append(b, `"Success"`...)
	} else {
		b = appendString(b, e.Message)
	}
	b = append(b, `,"timestamp":"`...)
	b = e.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
	return append(b, `"}`...)
}

// appendString writes a JSON string.
func appendString(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can always be written
	}
	return append(b, quoted...)
}
