package ingest

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
)

// Annotation is what we note ourselves about what partners own, beside it: that a Token was
// authorized, or that a CDR was refused by whom it was sent to.
type Annotation struct {
	Object  Object // ObjectAuthorization or ObjectDelivery
	Key     ocpi.Key
	Variant string // see Identity
	Version ocpi.Version
	Sender  string // partner id of who asked
	Body    []byte // ours, JSON
}

// Annotate appends an annotation and returns when it is durable. Errors: ErrOverload,
// ErrOutcomeUnknown.
func (s *Service) Annotate(ctx context.Context, n Annotation) error {
	e := Envelope{Object: n.Object, Method: MethodPut, Version: n.Version, Sender: n.Sender, Key: n.Key, Variant: n.Variant, Received: s.received()}
	d := s.decoders.Get().(*ocpi.Decoder)
	defer s.decoders.Put(d)
	var err error
	if e.Hash, err = d.CanonicalHash(n.Body); err != nil {
		return fmt.Errorf("note %s %s: %v", n.Object, n.Key, err) //nolint:errorlint // ours, not the sender's
	}
	_, err = s.log.Append(ctx, n.Object.Topic(), &e, n.Body)
	s.metrics.count(e.Object, err)
	return err
}
