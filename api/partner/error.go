package partner

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ocpi"
)

// Errors of calls, by who has to act on them.
var (
	// ErrUnreachable says that a partner did not answer, or not as OCPI does:
	// 3001 to who asked us to call.
	ErrUnreachable = errors.New("the partner's OCPI interface cannot be used")
	// ErrNoVersion says that no version is spoken on both sides, or not the
	// wanted one: 3002.
	ErrNoVersion = errors.New("no version of OCPI is spoken on both sides")
	// ErrNoEndpoint says that a version lists no endpoint that is needed: 3003.
	ErrNoEndpoint = errors.New("an endpoint is missing")
	// ErrRedirect says that a partner answers with another address: it must give
	// that one to us itself.
	ErrRedirect = errors.New("redirects are not followed")
	// ErrNoTurn says that the requests before took so long that the partner was not
	// asked at all.
	ErrNoTurn = errors.New("wait for the requests before")
)

// Error is a call that failed: which, and what the partner said.
type Error struct {
	Partner string // its id, "" where it is none yet
	Method  string
	Path    string      // of the URL, without query
	HTTP    int         // 0 where no answer came
	Status  ocpi.Status // 0 where it was not OCPI's
	Message string      // of the partner
	Err     error       // why there is no answer to use, nil where the partner said no
	Answer  *Answer     // what the partner answered, where it is OCPI's and says no; else nil
	Sent    bool        // it was connected to: where no answer came, nobody knows whether it took what was asked

	wait time.Duration // how long the partner asks us to wait, 0 = it does not
}

// Error says all of it.
func (e *Error) Error() string {
	text := e.Method + " " + e.Path
	if e.Partner != "" {
		text = e.Partner + ": " + text
	}
	if e.HTTP != 0 {
		text += fmt.Sprintf(": HTTP %d", e.HTTP)
	}
	if e.Status != 0 {
		text += fmt.Sprintf(", OCPI %d", e.Status)
	}
	if e.Message != "" {
		text += fmt.Sprintf(" %q", e.Message)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns ErrUnreachable, which every failed call is, and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrUnreachable}
	}
	return []error{ErrUnreachable, e.Err}
}

// TimedOut reports that the partner did not answer in time, or that its turn for a
// request did not come.
func (e *Error) TimedOut() bool {
	late, ok := errors.AsType[net.Error](e.Err)
	return ok && late.Timeout() || errors.Is(e.Err, context.DeadlineExceeded)
}

// passing reports whether the same call may succeed later.
func (e *Error) passing() bool {
	switch {
	case errors.Is(e.Err, ErrForbiddenURL), errors.Is(e.Err, api.ErrTooLarge), errors.Is(e.Err, ErrRedirect):
		return false
	case e.HTTP == http.StatusTooManyRequests, e.HTTP >= 500, e.Status >= 3000 && e.Status < 4000:
		return true
	}
	return e.HTTP == 0 || e.HTTP < 300 && e.Status == 0 // it broke off
}

// maxWait bounds how long a partner is waited for that asks for it.
const maxWait = time.Minute

// retryAfter reads how long a partner asks us to wait, in seconds.
func retryAfter(r *http.Response) time.Duration {
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds <= 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxWait)
}

// maxMessage bounds what is kept of a partner's words, in bytes.
const maxMessage = 300

// words are a partner's words in one line, without our token, should it have
// said it back to us.
func words(message, token string) string {
	message = hide(strings.Join(strings.Fields(message), " "), token)
	if len(message) > maxMessage {
		message = message[:maxMessage] + "…"
	}
	return strings.ToValidUTF8(message, "")
}

// hide takes a token out of a text, as it is and in Base64.
func hide(text, token string) string {
	if token == "" {
		return text
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(token))
	return strings.NewReplacer(token, "…", encoded, "…").Replace(text)
}

// cause is an error of net/http without the URL, whose query is nobody's
// business, without whom we ask for addresses, and what a name stands for.
func cause(err error, token string) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if unknown, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("look %s up: %s", unknown.Name, unknown.Err)
	}
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		err = fmt.Errorf("%s: %w", failed.Op, failed.Err)
	}
	if token != "" && hide(err.Error(), token) != err.Error() {
		return errors.New(hide(err.Error(), token)) // a peer that says our token back in what it breaks the connection with
	}
	return err
}
