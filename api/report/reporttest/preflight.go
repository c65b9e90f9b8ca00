package reporttest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// nobody owns anything.
type nobody struct{}

func (nobody) Get(context.Context, ingest.Target) (s ingest.ObjectState, ok bool, err error) {
	return s, false, nil
}
func (nobody) Peek(context.Context, ingest.Target) (s ingest.ObjectState, ok bool, err error) {
	return s, false, nil
}
func (nobody) Wait(context.Context, ingest.Topic, ingest.Position) error { return nil }
func (nobody) Findings(ingest.Target, ingest.Position, ingest.Hash) ([]ocpi.Finding, bool) {
	return nil, false
}
func (nobody) RulesOut(ingest.Identity) bool { return true }

// present is all of the log.
type present struct{}

func (present) CatchUp(context.Context) (pricing.AsOf, error) {
	return pricing.AsOf{Reference: pricing.Present, Control: pricing.Present}, nil
}

// Preflight looks at objects by the tariffs that are known. With the partner gb-dun-cpo it
// is agreed that a CDR whose total is another one is refused.
func Preflight(t testing.TB, known Reference) *report.Preflight {
	checker := pricing.NewChecker(present{}, known.View(), anybody{})
	intake := ingest.NewService(nil, nobody{}, func() time.Time { return at("2019-08-01T00:00:00Z") }, ingest.DefaultLimits, ingest.NewMetrics(prometheus.NewRegistry()))
	intake.Check = func(ctx context.Context, e *ingest.Envelope, whole []byte) ([]ocpi.Finding, error) {
		if e.Object == ingest.ObjectCDR {
			return checker.Check(ctx, e, whole)
		}
		return known.Check(ctx, e.Object, e.Version, whole)
	}
	return &report.Preflight{
		Assess: intake.Assess, Price: checker.Price, Known: known, Bodies: ingest.DefaultLimits,
		Answer: func(a *ingest.Assessment, _, _ []byte) report.PreflightAnswer {
			if a.Refusal == nil {
				return report.PreflightAnswer{HTTP: 201, Status: ocpi.StatusSuccess, Message: "Success"}
			}
			kind := api.Classify(a.Refusal)
			answer := report.PreflightAnswer{Message: kind.Message(a.Refusal)}
			answer.HTTP, answer.Status = kind.OCPI()
			if wrong, ok := errors.AsType[*ocpi.Invalid](a.Refusal); ok {
				answer.Wrong = wrong.Fields
			}
			return answer
		},
		Sender: func(_ ingest.Object, party ocpi.Party) (ingest.Sender, bool) {
			if party != ocpi.NewParty("GB", "DUN") {
				return ingest.Sender{}, false
			}
			return ingest.Sender{ID: "gb-dun-cpo", Parties: []ocpi.Party{party}, Refuses: []string{"total_differs"}}, true
		},
	}
}
