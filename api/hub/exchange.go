package hub

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// exchange is one request and its answer. It is used again after the answer
// went out: nothing may keep it or its body.
type exchange struct {
	s       *Server
	c       *gin.Context
	r       *http.Request
	route   *route
	partner *control.Partner
	body    []byte // of a push; reused
	out     []byte // the answer; reused
	headers [8]string
	nHeader int
}

// answer is what a handler has to say in the good case. Data is JSON, spliced
// into the envelope as it is; nil leaves it unset.
type answer struct {
	created  bool
	message  string // "" = "Success"
	location string
	receipt  string
	data     []byte
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// maxKept bounds what an idle exchange holds on to, in bytes.
const maxKept = 128 << 10

func (s *Server) serve(c *gin.Context, r *route) {
	began := s.Now()
	x := exchanges.Get().(*exchange)
	x.s, x.c, x.r, x.route = s, c, c.Request, r
	a, err := x.do()
	httpStatus, ocpiStatus := x.reply(a, err, began)
	r.measure.Done(began, httpStatus, ocpiStatus)
	x.release()
}

func (x *exchange) release() {
	x.s, x.c, x.r, x.route, x.partner = nil, nil, nil, nil, nil
	clear(x.headers[:x.nHeader])
	x.nHeader = 0
	if cap(x.body) > maxKept {
		x.body = nil
	}
	if cap(x.out) > maxKept {
		x.out = nil
	}
	exchanges.Put(x)
}

// do runs the request up to its answer: what is cheap to refuse comes first.
func (x *exchange) do() (answer, error) {
	s := x.s
	if !s.limiter.Enter() {
		return answer{}, api.ErrBusy
	}
	defer s.limiter.Leave()
	if !s.Partners.Ready() {
		return answer{}, control.ErrNotReady
	}
	var ok bool
	if x.partner, ok = s.Partners.Authenticate(header(x.r, "Authorization")); !ok {
		return answer{}, api.ErrUnauthorized
	}
	if err := x.checkRouting(); err != nil {
		return answer{}, err
	}
	switch x.route.method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		var err error
		if x.body, err = api.ReadBody(x.r, x.body, s.MaxBody); err != nil {
			return answer{}, err
		}
	}
	return x.route.handle(x)
}

// checkRouting refuses a sender that claims to be a party it has no role for
// (OCPI 2.2.1 transport, "Message routing"). Version information is not
// routed.
func (x *exchange) checkRouting() error {
	if x.route.object == 0 {
		return nil
	}
	country, party := header(x.r, ocpi.HeaderFromCountry), header(x.r, ocpi.HeaderFromParty)
	if country == "" && party == "" || x.partner.Owns(ocpi.NewParty(country, party)) {
		return nil
	}
	return ingest.ErrUnknownObject
}

// sender returns the partner in the role that owns the route's objects.
func (x *exchange) sender() ingest.Sender {
	if x.route.object == ingest.ObjectToken {
		return x.partner.Mobility()
	}
	return x.partner.Charging()
}

// target reads the object's address from the path. Every part must be there.
// The owner must be the partner: what belongs to others does not exist.
func (x *exchange) target() (ingest.Target, error) {
	country, party, id := api.Param(x.c, "country"), api.Param(x.c, "party"), api.Param(x.c, "id")
	if country == "" || party == "" || id == "" {
		return ingest.Target{}, ingest.ErrUnknownObject
	}
	t := ingest.Target{Object: x.route.object, Key: ocpi.NewKey(country, party, id), ID: id}
	if !x.sender().Owns(t.Key.Party) {
		return ingest.Target{}, ingest.ErrUnknownObject
	}
	return t, nil
}

// header returns a request header by its canonical name.
func header(r *http.Request, canonical string) string {
	if v := r.Header[canonical]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// statusOf returns how an error is answered: its HTTP status and OCPI code.
// That a Location is unknown has a code of its own; a change of what is
// unknown counts as a wrong parameter.
func (x *exchange) statusOf(kind api.Kind, err error) (httpStatus int, ocpiStatus ocpi.Status) {
	httpStatus, ocpiStatus = kind.OCPI()
	switch {
	case kind != api.KindNotFound || errors.Is(err, api.ErrNotFound):
	case x.route.object == ingest.ObjectLocation:
		ocpiStatus = ocpi.StatusUnknownLocation
	case x.route.method != http.MethodGet:
		ocpiStatus = ocpi.StatusInvalid
	}
	return httpStatus, ocpiStatus
}

// reply sends the answer or the error.
func (x *exchange) reply(a answer, err error, now time.Time) (httpStatus int, ocpiStatus ocpi.Status) {
	httpStatus, ocpiStatus = http.StatusOK, ocpi.StatusSuccess
	if a.created {
		httpStatus = http.StatusCreated
	}
	if err != nil {
		kind := api.Classify(err)
		httpStatus, ocpiStatus = x.statusOf(kind, err)
		api.LogInternal(x.c, x.s.Logger, kind, err)
		a = errorAnswer(kind, err)
		if kind.Retry() {
			x.setHeader("Retry-After", "1")
		}
		if kind == api.KindUnauthorized {
			x.setHeader("Www-Authenticate", "Token")
		}
	}
	if a.location != "" {
		x.setHeader("Location", a.location)
	}
	if a.receipt != "" {
		x.setHeader(receiptHeader, a.receipt)
	}
	x.echo()
	envelope := ocpi.Envelope{Data: a.data, Status: ocpiStatus, Message: a.message, Time: now}
	x.out = envelope.Append(x.out[:0])
	w := x.c.Writer
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(httpStatus)
	if _, err := w.Write(x.out); err != nil {
		_ = x.c.Error(err) // the client is gone: nobody is left to tell
	}
	return httpStatus, ocpiStatus
}
