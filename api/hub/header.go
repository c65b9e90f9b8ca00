package hub

import "github.com/roamclear/roamclear/api"

// Headers by their canonical names, as net/http keeps them. OCPI compares
// header names without case.
const (
	requestID     = "X-Request-Id"
	correlationID = "X-Correlation-Id"
	toCountry     = "Ocpi-To-Country-Code"
	toParty       = "Ocpi-To-Party-Id"
	fromCountry   = "Ocpi-From-Country-Code"
	fromParty     = "Ocpi-From-Party-Id"
	receiptHeader = "X-Roamclear-Receipt" // position of the record in the log
)

var jsonType = []string{"application/json"}

// setHeader sets a header of the answer. The values stand in the exchange, so
// that they need no memory of their own: net/http takes a copy of the headers
// when the answer is written, before the exchange is used again.
func (x *exchange) setHeader(name, value string) {
	h := x.c.Writer.Header()
	if x.nHeader == len(x.headers) {
		h[name] = []string{value}
		return
	}
	i := x.nHeader
	x.headers[i] = value
	x.nHeader++
	h[name] = x.headers[i : i+1 : i+1]
}

// echo gives back the ids of the message (R-MSGID: missing ones are made up)
// and turns the routing headers round.
func (x *exchange) echo() {
	x.echoID(requestID)
	x.echoID(correlationID)
	if x.route.object == 0 {
		return
	}
	x.turn(fromCountry, toCountry)
	x.turn(fromParty, toParty)
	x.turn(toCountry, fromCountry)
	x.turn(toParty, fromParty)
}

func (x *exchange) echoID(name string) {
	if v := x.r.Header[name]; len(v) > 0 && v[0] != "" {
		x.c.Writer.Header()[name] = v[:1:1]
		return
	}
	x.setHeader(name, api.NewRequestID())
}

func (x *exchange) turn(from, to string) {
	if v := x.r.Header[from]; len(v) > 0 {
		x.c.Writer.Header()[to] = v[:1:1]
	}
}
