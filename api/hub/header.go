package hub

import (
	"net/http"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ocpi"
)

var jsonType = []string{"application/json"}

// setHeader sets a header of the answer. Of a push the values stand in the exchange,
// so that they need no memory of their own: net/http takes a copy of the headers
// when the answer is written, before the exchange is used again. An answer to a GET
// may be held back longer than that, see [api.Compressed].
func (x *exchange) setHeader(name, value string) {
	h := x.c.Writer.Header()
	if x.nHeader == len(x.headers) || x.r.Method == http.MethodGet {
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
	x.echoID(ocpi.HeaderRequestID)
	x.echoID(ocpi.HeaderCorrelationID)
	if !x.route.routed {
		return
	}
	x.turn(ocpi.HeaderFromCountry, ocpi.HeaderToCountry)
	x.turn(ocpi.HeaderFromParty, ocpi.HeaderToParty)
	x.turn(ocpi.HeaderToCountry, ocpi.HeaderFromCountry)
	x.turn(ocpi.HeaderToParty, ocpi.HeaderFromParty)
}

func (x *exchange) echoID(name string) {
	if v := x.r.Header[name]; len(v) > 0 && v[0] != "" {
		x.c.Writer.Header()[name] = v[:1:1]
		return
	}
	x.setHeader(name, api.NewRequestID())
}

func (x *exchange) turn(from, to string) {
	if v := x.r.Header[from]; len(v) > 0 && v[0] != "" {
		x.c.Writer.Header()[to] = v[:1:1]
	}
}
