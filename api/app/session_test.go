package app_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/app"
	"github.com/roamclear/roamclear/api/app/apptest"
	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// linked fakes all that is known of one start of SE*EMP that a Session was linked to.
type linked struct {
	app.Objects
	app.Desk
	app.Charges
	payer, debtor ocpi.Party // of the Session, of the CDR
}

func (l *linked) Get(context.Context, ocpi.Key) (*command.Entry, bool, error) {
	return &command.Entry{Key: ocpi.NewKey("SE", "EMP", "01K0"), Command: &objects.Command{
		CommandRequest: objects.CommandRequest{Type: ocpi.StartSession, Via: objects.ViaApp, CPO: "SE*ABC"},
		Session:        &objects.CommandSession{Country: "SE", Party: "ABC", ID: "S9"},
	}}, true, nil
}

func (l *linked) StopOf(context.Context, *command.Entry) (*command.Entry, error) { return nil, nil }

func (l *linked) SessionCDR(context.Context, ocpi.Party, string) (ocpi.Key, bool, error) {
	return ocpi.NewKey("SE", "ABC", "C9"), true, nil
}

func (l *linked) CDR(_ context.Context, key ocpi.Key) (*settlement.CDRDetail, error) {
	d := &settlement.CDRDetail{}
	d.Key, d.ID, d.CPO, d.EMSP = key, key.ID, key.Party, l.debtor
	return d, nil
}

// sessions are the objects of a linked.
type sessions struct{ *linked }

func (s sessions) Get(_ context.Context, t ingest.Target) (ingest.ObjectState, bool, error) {
	body := `{"country_code":"SE","party_id":"ABC","id":"S9","start_date_time":"2026-01-05T09:00:00Z","kwh":7,"auth_method":"COMMAND","location_id":"L1","evse_uid":"E1","connector_id":"1",` +
		`"cdr_token":{"country_code":"DE","party_id":"TNM","uid":"U","type":"RFID","contract_id":"C"},"currency":"SEK","status":"ACTIVE","last_updated":"2026-01-05T09:00:00Z"}`
	return ingest.ObjectState{Object: t.Object, Key: t.Key, Version: ocpi.V221, With: s.payer, Body: []byte(body)}, true, nil
}

// ask has SE*EMP ask for its session 01K0.
func ask(t *testing.T, objects app.Objects, desk app.Desk, charges app.Charges) *httptest.ResponseRecorder {
	t.Helper()
	w := apptest.New(t)
	engine := api.NewEngine(slog.New(slog.DiscardHandler), rest.Fallback("", slog.New(slog.DiscardHandler)))
	app.Mount(engine, app.Deps{
		Partners: w.Partners, Objects: objects, Desk: desk, Charges: charges, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return apptest.Now },
		Limits: rest.Limits{Places: api.NewBudget(rest.Places)}, Auth: func(*gin.Context) (rest.Key, error) { return apptest.Keys["Bearer emp"], nil },
	})
	a := httptest.NewRecorder()
	engine.ServeHTTP(a, httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/sessions/01K0", nil))
	return a
}

// Of what was linked to a start its eMSP sees what is its own alone.
func TestALinkShowsNothingOfOthers(t *testing.T) {
	own, other := ocpi.NewParty("SE", "EMP"), ocpi.NewParty("DE", "TNM")
	for _, debtor := range []ocpi.Party{own, other} {
		l := &linked{payer: other, debtor: debtor}
		a := ask(t, sessions{l}, l, l)
		var v struct {
			EnergyKWh *string         `json:"energy_kwh"`
			CDR       json.RawMessage `json:"cdr"`
			OCPI      struct{ Status string }
		}
		if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil || a.Code != 200 || v.EnergyKWh != nil || v.OCPI.Status != "" || (string(v.CDR) != "null") != (debtor == own) {
			t.Errorf("a CDR of %s: HTTP %d %s", debtor, a.Code, a.Body)
		}
	}
}
