package control

import "context"

// What date_from and date_to bound in a partner's lists of CDRs and Sessions.
const (
	ListByUpdated  = "last_updated" // as OCPI has it: the default
	ListByReceived = "received"     // when it came here
)

// PartnerListBy says what date_from and date_to bound in a partner's lists of CDRs and Sessions.
// A hub must not change last_updated (OCPI 2.2.1 transport, "GET All via Hub"), so
// who asks for one window after the other does not meet what came after its window
// was asked for, unless windows are of when things came.
type PartnerListBy struct {
	ID     string `json:"id"`
	ListBy string `json:"list_by"`
}

// Kind implements Change.
func (PartnerListBy) Kind() Kind { return Kind{"partner.list_by", 1} }

// Validate implements Change.
func (c PartnerListBy) Validate() error {
	if c.ListBy != ListByUpdated && c.ListBy != ListByReceived {
		return Invalid("list by %q: want %s or %s", c.ListBy, ListByUpdated, ListByReceived)
	}
	return validateName("partner id", c.ID)
}

func (d *Partners) listBy(e Event, c PartnerListBy) error {
	s := &d.state.Folded
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	next := *p
	next.Version++
	next.ByReceived = c.ListBy == ListByReceived
	s.put(&next)
	return nil
}

// SetListBy says what dates bound in a partner's lists of CDRs and Sessions. Errors as in
// [Machine.Do].
func (d *Partners) SetListBy(ctx context.Context, command, id string, expect uint64, by string) (*Partner, error) {
	if _, err := d.machine.Do(ctx, Command{ID: command, Expect: expect, Change: PartnerListBy{ID: id, ListBy: by}}); err != nil {
		return nil, err
	}
	return d.partner(id)
}

// ListBy returns what dates bound in the partner's lists of CDRs and Sessions.
func (p *Partner) ListBy() string {
	if p.ByReceived {
		return ListByReceived
	}
	return ListByUpdated
}
