package hub

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Foretold is what a push would be answered.
type Foretold struct {
	HTTP    int
	Status  ocpi.Status
	Message string
	Wrong   []ocpi.FieldError // what is wrong with it, where it is the body
}

// Foretell returns what a push is answered that comes to what was assessed. first is the
// copy of a CDR that came before, nil where none is known.
func Foretell(a *ingest.Assessment, body, first []byte) Foretold {
	if err := a.Refusal; err != nil {
		if a.Object == ingest.ObjectCDR {
			err = creditorsOwn(err)
		}
		kind := api.Classify(err)
		f := Foretold{Message: errorAnswer(kind, err).message}
		f.HTTP, f.Status = statusOf(a.Version, a.Object, kind, err)
		if invalid, ok := errors.AsType[*ocpi.Invalid](err); ok {
			f.Wrong = invalid.Fields
		}
		return f
	}
	note := ""
	if first != nil {
		note, _ = differing(first, body)
	}
	f := Foretold{HTTP: http.StatusOK, Status: ocpi.StatusSuccess, Message: cmp.Or(successMessage(note, a.Told), "Success")}
	if a.Creates {
		f.HTTP = http.StatusCreated
	}
	return f
}
