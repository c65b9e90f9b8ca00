package command_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// unlocking asks for an UNLOCK_CONNECTOR over OCPI, as a partner.
func (w *world) unlocking(by string) *command.Entry {
	w.t.Helper()
	unlock := commandOf(w.t, ocpi.UnlockConnector, `{"response_url":"https://peer.example/r/1","location_id":"L1","evse_uid":"E1","connector_id":"1"}`)
	e, err := w.office.AskAndWait(w.t.Context(), command.Asking{Party: emp, Via: objects.ViaOCPI, Caller: by, Partner: by, CPO: abc, Command: unlock})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// Who does not take its results holds up nobody else's, has few of them on their way, and
// gives up none of them before it was tried.
func TestAPartnerThatDoesNotTakeItsResults(t *testing.T) {
	bubble(t, func(w *world) {
		var under, most atomic.Int64
		w.office.delivers(func(ctx context.Context, d partner.Delivery) error {
			if d.To.ID != "se-emp-emsp" {
				return nil
			}
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			ctx, cancel := context.WithTimeout(ctx, d.Within)
			defer cancel()
			<-ctx.Done()
			return &partner.Error{Partner: d.To.ID, Err: ctx.Err()}
		})
		const many = 100
		var hanging []*command.Entry
		for n := range many {
			hanging = append(hanging, w.unlocking("se-emp-emsp"))
			if err := w.post(cpo, w.responseURL(n), accepted); err != nil {
				t.Fatal(err)
			}
		}
		other := w.unlocking("se-emq-emsp")
		if err := w.post(cpo, w.responseURL(many), accepted); err != nil {
			t.Fatal(err)
		}
		if c := w.now(other); len(c.Delivered) != 1 || !c.Delivered[0].OK {
			t.Errorf("another's result waits: %+v", c.Delivered)
		}
		if most.Load() != 8 {
			t.Errorf("%d results on their way to one partner", most.Load())
		}
		time.Sleep(2 * time.Hour)
		tried := map[string]int{}
		for _, d := range w.office.results() {
			tried[d.To.ID]++
		}
		for i, e := range hanging {
			if c := w.now(e); len(c.Delivered) != 1 || c.Delivered[0].OK || c.Open() {
				t.Errorf("%d: delivered %+v, open %t", i, c.Delivered, c.Open())
			}
		}
		if tried["se-emp-emsp"] != 6*many {
			t.Errorf("tried %d times", tried["se-emp-emsp"])
		}
	})
}

// That its turn does not come is no try; and what nobody takes for an hour is given up.
func TestADeliveryWhoseTurnDoesNotCome(t *testing.T) {
	bubble(t, func(w *world) {
		var taken atomic.Bool
		w.office.delivers(func(context.Context, partner.Delivery) error {
			if taken.Load() {
				return nil
			}
			return &partner.Error{Err: fmt.Errorf("%w: %w", partner.ErrNoTurn, context.DeadlineExceeded)}
		})
		e := w.unlocking("se-emp-emsp")
		if err := w.post(cpo, w.responseURL(0), accepted); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if c := w.now(e); len(c.Delivered) != 0 || len(w.office.results()) < 10 {
			t.Errorf("delivered %+v after %d tries", c.Delivered, len(w.office.results()))
		}
		taken.Store(true)
		time.Sleep(time.Minute)
		if c := w.now(e); len(c.Delivered) != 1 || !c.Delivered[0].OK {
			t.Errorf("delivered %+v", c.Delivered)
		}
		taken.Store(false)
		e = w.unlocking("se-emp-emsp")
		if err := w.post(cpo, w.responseURL(1), accepted); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(61 * time.Minute)
		if c := w.now(e); len(c.Delivered) != 1 || c.Delivered[0].OK || c.Open() {
			t.Errorf("after an hour: %+v", c.Delivered)
		}
	})
}

// Who asked over OCPI is told once that no result came, in its version; a result that comes
// after that is too late.
func TestThatNoResultCameIsTold(t *testing.T) {
	for _, tt := range []struct {
		version ocpi.Version
		told    string
	}{
		{ocpi.V221, `{"result":"TIMEOUT","message":[{"language":"en","text":"the result did not come in time"}]}`},
		{ocpi.V211, `{"result":"TIMEOUT"}`},
	} {
		bubble(t, func(w *world) {
			unlock, err := ocpi.ReadCommand(tt.version, ocpi.UnlockConnector, []byte(`{"response_url":"https://peer.example/r/1","location_id":"L1","evse_uid":"E1","connector_id":"1"}`))
			if err != nil {
				t.Fatal(err)
			}
			e, err := w.office.AskAndWait(w.t.Context(), command.Asking{Party: emp, Via: objects.ViaOCPI, Caller: "se-emp-emsp", Partner: "se-emp-emsp", CPO: abc, Command: unlock})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(31 * time.Second)
			synctest.Wait()
			if err := w.post(cpo, w.responseURL(0), accepted); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			c, told := w.now(e), w.office.results()
			if len(told) != 1 || string(told[0].Body) != tt.told || c.Result != nil || c.Ignored != 1 || c.Open() {
				t.Errorf("told %d times, %s; result %+v, %d ignored", len(told), told[0].Body, c.Result, c.Ignored)
			}
		})
	}
}
