package hub

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
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
	spelled control.Spelling // its token
	held    held
	body    []byte         // of a push; reused
	read    bool           // the body, to its end
	marked  bool           // it began with a byte order mark, which was left out
	out     []byte         // the answer; reused
	habits  []ocpi.Finding // its habits; reused
	pushed  ingest.Target  // what was pushed, once it is stored
	trace   ingest.Trace   // what the log of messages has of it; reused
	hasBody bool           // body is of this request
	said    []byte         // the answer, or its beginning; in out
	reason  string         // why it is none of success
	// answered is how large the answer is.
	answered int
	headers  [8]string
	nHeader  int
}

// answer is what a handler has to say in the good case. Data is JSON, spliced
// into the envelope as it is; nil leaves it unset.
type answer struct {
	created  bool
	http     int         // 0 = 200, or 201 where something was created
	status   ocpi.Status // 0 = success
	message  string      // "" = "Success"
	location string
	receipt  string
	conflict string // header: another copy came before
	data     []byte
	list     [][]byte // in place of data: its items, each as it is
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// maxKept bounds what an idle exchange holds on to, in bytes.
const maxKept = 128 << 10

func (s *Server) serve(c *gin.Context, r *route) {
	began := s.Now()
	x := exchanges.Get().(*exchange)
	x.s, x.c, x.r, x.route = s, c, c.Request, r
	httpStatus, ocpiStatus := x.run(began)
	r.measure.Done(began, httpStatus, ocpiStatus)
	x.note(began, httpStatus, ocpiStatus)
	x.release()
}

func (x *exchange) run(began time.Time) (httpStatus int, ocpiStatus ocpi.Status) {
	httpStatus, ocpiStatus, refused := x.work(began)
	if refused != nil {
		x.hold()
		return x.reply(answer{}, refused, began)
	}
	return httpStatus, ocpiStatus
}

// work holds the request's places until its answer is written; refused says
// that its partner has too many, and that nothing is written.
func (x *exchange) work(began time.Time) (httpStatus int, ocpiStatus ocpi.Status, refused error) {
	if !x.s.places.all.Enter() {
		httpStatus, ocpiStatus = x.reply(answer{}, api.ErrBusy, began)
		return httpStatus, ocpiStatus, nil
	}
	defer x.s.places.all.Leave()
	defer x.leave()
	a, err := x.do(began)
	if x.held.refused {
		return 0, 0, err
	}
	httpStatus, ocpiStatus = x.reply(a, err, began)
	return httpStatus, ocpiStatus, nil
}

func (x *exchange) release() {
	x.s, x.c, x.r, x.route, x.partner, x.read, x.marked, x.pushed = nil, nil, nil, nil, nil, false, false, ingest.Target{}
	x.trace.Reset()
	x.hasBody, x.said, x.reason, x.answered = false, nil, "", 0
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
func (x *exchange) do(began time.Time) (answer, error) {
	s := x.s
	if err := s.Partners.Ready(); err != nil {
		return answer{}, err
	}
	var err error
	if x.partner, x.spelled, err = api.Recognize(x.r, s.Partners, header(x.r, "Authorization")); err != nil {
		return answer{}, err
	}
	if x.partner.Invited() && !x.route.invited {
		return answer{}, fmt.Errorf("%w: the token of an invitation opens versions and credentials alone", api.ErrUnauthorized)
	}
	if err := x.enter(); err != nil {
		return answer{}, err
	}
	if x.pushes() {
		if err := x.readBody(); err != nil {
			return answer{}, err
		}
		if s.Now().Sub(began) > slowBody && !x.stillKnown() {
			return answer{}, api.ErrUnauthorized
		}
	}
	if !x.route.isFor(x.partner) {
		return answer{}, x.refuse(ingest.Target{Object: x.route.object}, ingest.ErrUnknownObject)
	}
	if err := x.checkRouting(); err != nil {
		return answer{}, err
	}
	if err := x.checkHabits(); err != nil {
		return answer{}, err
	}
	if a, ok, err := x.fetched(); ok || err != nil {
		return a, err
	}
	a, err := x.inTurn()
	if err != nil {
		return answer{}, err
	}
	return x.onward(a)
}

// longTurn is how long a push has its turn at most: many times what the log takes.
const longTurn = 250 * time.Millisecond

// inTurn has the handler work. A push waits for the partner's turn, which ends before
// anybody else is waited for.
func (x *exchange) inTurn() (answer, error) {
	if x.route.object != 0 && !x.route.asks && (x.pushes() || x.route.method == http.MethodDelete) {
		turn, err := x.s.places.turns.Work(x.r.Context(), x.partner.ID, longTurn)
		if err != nil {
			return answer{}, err
		}
		defer turn.Done()
	}
	return x.route.handle(x)
}

// slowBody is how long a body may take to come before its sender is looked up
// again: a token that has ended meanwhile must not go on for as long as somebody
// holds requests open.
const slowBody = 250 * time.Millisecond

// mayTakeLong lets an answer take longer than a request may take to be sent: the
// connection would be given up meanwhile.
func (x *exchange) mayTakeLong() error {
	err := http.NewResponseController(x.c.Writer).SetReadDeadline(time.Time{})
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("lift the read deadline: %w", err)
	}
	return nil
}

func (x *exchange) stillKnown() bool {
	p, _, err := api.Recognize(x.r, x.s.Partners, header(x.r, "Authorization"))
	return err == nil && p.ID == x.partner.ID
}

// sender returns the partner as the owner of what the route is about.
func (x *exchange) sender() ingest.Sender {
	from, ok := x.partner.Sender(x.route.object)
	if x.s.Messages != nil {
		from.Trace = &x.trace
	}
	if ok {
		return from
	}
	from.ID, from.Parties = x.partner.Charging().ID, nil
	for _, r := range x.partner.Roles {
		if slices.Contains(x.route.roles, r.Role) && !slices.Contains(from.Parties, r.Party()) {
			from.Parties = append(from.Parties, r.Party())
		}
	}
	return from
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

// from is the party that OCPI-from names, zero where it names none.
func (x *exchange) from() ocpi.Party {
	return ocpi.NewParty(header(x.r, ocpi.HeaderFromCountry), header(x.r, ocpi.HeaderFromParty))
}

// toHeaders are the headers that name whom a request is for, as errors have them.
const toHeaders = "OCPI-to-country-code, OCPI-to-party-id"

// statusOf returns how an error about an object is answered in a version of OCPI: its
// HTTP status and OCPI code. That a Location is unknown has a code of its own, whatever is
// asked for or changed. OCPI 2.1.1 has no codes of hubs.
func statusOf(v ocpi.Version, o ingest.Object, kind api.Kind, err error) (httpStatus int, ocpiStatus ocpi.Status) {
	httpStatus, ocpiStatus = kind.OCPI()
	if peer, ok := errors.AsType[*peerError](err); ok {
		return httpStatus, peer.status
	}
	if routed, ok := errors.AsType[*routeError](err); ok {
		ocpiStatus = routed.status
	}
	switch {
	case errors.Is(err, errUnknownToken) && v != ocpi.V211:
		ocpiStatus = ocpi.StatusUnknownToken
	case kind == api.KindNotFound && o == ingest.ObjectLocation && !errors.Is(err, api.ErrNotFound):
		ocpiStatus = ocpi.StatusUnknownLocation
	case v == ocpi.V211 && ocpiStatus >= ocpi.StatusHubError:
		ocpiStatus = ocpi.StatusServerError
	}
	return httpStatus, ocpiStatus
}

// reply sends the answer or the error.
func (x *exchange) reply(a answer, err error, now time.Time) (httpStatus int, ocpiStatus ocpi.Status) {
	httpStatus, ocpiStatus = cmp.Or(a.http, http.StatusOK), cmp.Or(a.status, ocpi.StatusSuccess)
	if a.created {
		httpStatus = http.StatusCreated
	}
	if err != nil {
		kind := api.Classify(err)
		httpStatus, ocpiStatus = statusOf(x.route.version, x.route.object, kind, err)
		api.LogInternal(x.c, x.s.Logger, kind, err)
		a = errorAnswer(kind, err)
		x.answerAtOnce()
		if kind.Retry() {
			x.setHeader("Retry-After", "1")
		}
		if often, ok := errors.AsType[*api.TooOftenError](err); ok {
			x.setHeader("Retry-After", strconv.FormatInt(often.Seconds(), 10))
		}
		switch kind {
		case api.KindUnauthorized:
			x.setHeader("Www-Authenticate", "Token")
		case api.KindEncoding:
			x.setHeader("Accept-Encoding", "gzip") // RFC 9110, 15.5.16
		}
	}
	if a.location != "" {
		x.setHeader("Location", a.location)
	}
	if a.receipt != "" {
		x.setHeader(api.HeaderReceipt, a.receipt)
	}
	if a.conflict != "" {
		x.setHeader(conflictHeader, a.conflict)
	}
	if ocpiStatus >= ocpi.StatusClientError {
		x.reason = a.message
	}
	x.echo()
	envelope := ocpi.Envelope{Data: a.data, Status: ocpiStatus, Message: a.message, Time: now}
	w := x.c.Writer
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(httpStatus)
	if err := x.write(w, &envelope, a.list); err != nil {
		_ = x.c.Error(err) // the client is gone, or does not read: nobody is left to tell
	}
	return httpStatus, ocpiStatus
}

// answerAtOnce keeps net/http from reading the body that is left before it
// answers: who is refused because its bodies do not come would hold the place it
// was refused while the next one does not come either. The connection ends with
// the answer: what is left of the body would meet the next request on it.
func (x *exchange) answerAtOnce() {
	if x.r.ContentLength == 0 || x.read {
		return
	}
	x.c.Writer.Header().Set("Connection", "close")
	if err := http.NewResponseController(x.c.Writer).EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		_ = x.c.Error(err) // the connection is gone
	}
}

// write sends a small answer at once, and a list item by item, at a pace.
func (x *exchange) write(w http.ResponseWriter, envelope *ocpi.Envelope, list [][]byte) error {
	if list == nil && len(envelope.Data) < maxKept {
		x.out = envelope.Append(x.out[:0])
		x.said, x.answered = x.out, len(x.out)
		_, err := w.Write(x.out)
		return err
	}
	x.remember(envelope, list)
	paced := x.s.Pace.Writer(w)
	paced.WriteString(ocpi.EnvelopeData)
	if list == nil {
		paced.Write(envelope.Data)
	} else {
		paced.WriteByte('[')
		for i, item := range list {
			if i > 0 {
				paced.WriteByte(',')
			}
			paced.Write(item)
		}
		paced.WriteByte(']')
	}
	paced.Write(envelope.AppendEnd(nil))
	return paced.Flush()
}
