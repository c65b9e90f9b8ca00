package ingest

import (
	"encoding/json"
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
)

// Delivery is what whom a CDR is for said when it was handed on to it.
type Delivery struct {
	Recipient string `json:"recipient"` // "NL*EXW"
	Status    int    `json:"status_code"`
	Message   string `json:"status_message,omitempty"`
	At        string `json:"at"` // when, as OCPI writes it
}

// Refused reports whether the recipient refused the CDR.
func (d *Delivery) Refused() bool { return d.Status/1000 != 1 }

// RefusedByRecipient is the finding of a CDR that is stored here and was refused by whom
// it was sent on to.
func (d *Delivery) RefusedByRecipient() ocpi.Finding {
	detail := fmt.Sprintf("%s refused it with %d", d.Recipient, d.Status)
	if d.Message != "" {
		detail += ": " + d.Message
	}
	return ocpi.Finding{Code: "refused_by_recipient", Severity: ocpi.Serious, Path: "$", Detail: detail}
}

// DeliveryOf is what is kept of the delivery of a CDR.
func DeliveryOf(cdr ocpi.Key) Identity { return Identity{Object: ObjectDelivery, Key: cdr} }

// Annotation is the note of it, for a CDR that came in a version from a partner.
func (d *Delivery) Annotation(cdr ocpi.Key, v ocpi.Version, sender string) (Annotation, error) {
	body, err := json.Marshal(d)
	if err != nil {
		return Annotation{}, fmt.Errorf("encode delivery of %s: %w", cdr, err)
	}
	return Annotation{Object: ObjectDelivery, Key: cdr, Version: v, Sender: sender, Body: body}, nil
}

// ReadDelivery reads a state of ObjectDelivery.
func ReadDelivery(state *ObjectState) (*Delivery, error) {
	d := new(Delivery)
	if err := json.Unmarshal(state.Body, d); err != nil {
		return nil, fmt.Errorf("read %s at %s: %w", state.Identity(), state.Position, err)
	}
	return d, nil
}
