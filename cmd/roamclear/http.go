package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/api/app"
	"github.com/roamclear/roamclear/api/hub"
	"github.com/roamclear/roamclear/api/page"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clickhouse"
)

// httpServer serves everything that is served over HTTP: partners, finance and
// operators with the api role, health and metrics without it.
type httpServer struct {
	routes   http.Handler // of the service; nil of metrics
	listener net.Listener
	server   *http.Server
	tls      *api.TLS
	url      string
}

// readTimeout is how long a request may take to come, header and body. It also
// ends the context of one that takes longer to be answered, unless what answers
// it lifts the deadline, as lists do: by then its sender has given up.
const readTimeout = 10 * time.Second

// listen takes the address of a setting.
func listen(address, setting string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w: another process serves there, or choose another address with --%s", err, setting)
	}
	return l, nil
}

// addressesFree reports an address that cannot be served on. It takes none.
func addressesFree(c *Config) error {
	for _, a := range []struct{ address, setting string }{{c.Listen, "listen"}, {c.Metrics.Listen, "metrics.listen"}} {
		if a.address == "" {
			continue
		}
		l, err := listen(a.address, a.setting)
		if err != nil {
			return err
		}
		if err := l.Close(); err != nil {
			return fmt.Errorf("let go of %s: %w", a.address, err)
		}
	}
	return nil
}

// newHTTPServer takes the address and wires the interfaces; start serves.
func newHTTPServer(s *service) (*httpServer, error) {
	listener, err := listen(s.config.Listen, "listen")
	if err != nil {
		return nil, err
	}
	h := &httpServer{routes: routes(s), listener: listener, tls: s.certs.tls, url: s.certs.url(listener)}
	h.server = &http.Server{
		Handler:           s.letGo(api.Compressed(h.routes)),
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      time.Minute, // of small answers; larger ones keep a pace (api.Pace)
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
	return h, nil
}

func (h *httpServer) start(failed chan<- error) {
	go func() {
		if err := h.tls.Serve(h.server, h.listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve http: %w", err)
		}
	}()
}

func (h *httpServer) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := h.server.Shutdown(ctx); err != nil {
		// Requests that are still under way are cut off: their senders do not
		// have an answer, and a retry is harmless.
		return errors.Join(fmt.Errorf("stop http: %w", err), h.server.Close())
	}
	return nil
}

// letGo ends a connection with its next answer once the process is to stop: who has it
// asks elsewhere from then on, and no request is sent into a connection that closes.
func (s *service) letGo(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// routes serves what the process's roles need: health always, and metrics where
// they have no address of their own.
func routes(s *service) http.Handler {
	engine := mounted(s)
	api.ServeHead(engine)
	return engine
}

// mounted is the engine with all that answers GET and what is not read.
func mounted(s *service) *gin.Engine {
	fallback := page.Fallback(s.logger, rest.Fallback("", s.logger))
	operate := func(engine *gin.Engine) *gin.Engine {
		api.MountHealth(engine, s.checks()...)
		if s.config.Metrics.Listen == "" {
			api.MountMetrics(engine, s.registry, fallback)
		}
		return engine
	}
	if !s.config.has(roleAPI) {
		return operate(api.NewEngine(s.logger, fallback))
	}
	b, keys := s.backends, rest.Keys{Known: s.control.keys}
	limits := rest.Limits{Places: api.NewBudget(rest.Places)}
	partners := hub.New(hub.Deps{
		Partners: s.control.partners, Intake: s.intake, Objects: s.owned,
		CDRs: settlement.Source{Store: b.store, Log: b.log}, Lists: settlement.Lists{StoredLists: b.store, Log: b.log},
		Commands: s.desk, Tally: &s.tally, Metrics: api.NewMetrics(s.registry), Logger: s.logger, Party: s.config.Hub.party(), Name: s.config.Hub.Name,
		Callback: s.peers.dialer, Forwarder: s.peers.forwarder, Notes: s.intake, Sealer: s.sealer, PublicURL: s.config.PublicURL, AuthorizeWithin: s.config.Authorize.Timeout,
		Limits: s.config.Limits.Bodies, InFlight: s.config.Limits.InFlight, Turns: s.turns, Messages: s.messages,
		Known: hub.Known{Token: s.owned.payer, Issuer: s.owned.Issuers.Of, Zone: tariff.SingleZone, Charges: settlement.Charges{Store: b.store, Objects: s.owned, Places: s.owned}.Complete},
	})
	engine := operate(api.NewEngine(s.logger, partners.Fallback(), fallback))
	drafts, around := newDrafts(b.store, s.control), around{b.store, s.control.partners}
	s.waiting = drafts.waiting
	receipts := rest.Receipts{ReceiptStore: b.store, Await: settlement.Lists{StoredLists: b.store, Log: b.log}.Await}
	preflight := s.preflight()
	public := rest.PublicData{Store: b.store, AdHoc: s.adHoc}
	radar := &settlement.Radar{Store: b.store, Inputs: func() pricing.Inputs { return s.owned.View() }, Ready: s.owned.Ready}
	health := rest.Health{Store: b.store, Log: s.messages, Partners: s.control.partners, Found: &s.tally, Ends: s.certs.ends}
	exchanged := rest.Messages{Log: s.messages, CDR: b.store.CDR, Known: s.knewPartner}
	closing := rest.Closing{Closer: newCloser(b, drafts), Closes: s.control.closes, Partners: s.control.partners, Logger: s.logger}
	admin.Mount(engine, admin.Deps{
		Partners: s.control.partners, Found: &s.tally, Peers: s.peers, Keys: s.control.keys, Closes: s.control.closes, Agreements: s.control.agreements, Parties: s.control.parties,
		Drafts: drafts, Lookups: b.store, Decisions: drafts, Closer: closing.Closer, Reasons: drafts, Around: around, Receipts: receipts, Messages: exchanged, Radar: rest.TariffRadar{Radar: radar}, Public: public, Health: health, Preflight: preflight.Check, Ends: s.certs.ends, Roots: s.certs.tls.Roots, Token: s.adminToken, Logger: s.logger,
	})
	partners.Mount(engine)
	report.Mount(engine, report.Deps{
		Reader: b.store, Reporter: drafts, Closes: s.control.closes, Clearing: s.control.clearing(b.store), Drafts: drafts, Decisions: drafts, Traces: drafts, Around: around, Closing: closing, Receipts: receipts, Tokens: rest.Tokens{Known: s.control.partners}, Preflight: preflight, Messages: exchanged, Logger: s.logger, Limits: limits, Radar: rest.TariffRadar{Radar: radar}, Public: public, Health: health, Tariffs: s.owned, Sessions: s.owned, Billed: b.store.Billed,
		Auth: func(c *gin.Context) (rest.Key, error) { return keys.Authenticate(c.Request) },
	})
	calls := app.Mount(engine, app.Deps{
		Partners: s.control.partners, Objects: s.owned, Stations: s.stations, Worked: s.worked, Profile: s.profile, Logger: s.logger, Limits: limits,
		Desk: s.desk, Preferrer: s.peers.forwarder, Intake: s.intake, Bodies: s.config.Limits.Bodies,
		Charges: charges{b.store, settlement.Lists{StoredLists: b.store, Log: b.log}},
		Auth:    func(c *gin.Context) (rest.Key, error) { return keys.Authenticate(c.Request) },
	})
	page.Mount(engine, page.Deps{
		Reader: b.store, Finder: b.store, Reporter: drafts, Numbers: drafts, Drafts: drafts, Traces: drafts, Decisions: drafts, KeyName: s.control.keyName, Closing: closing, Around: around, Months: months{b.store, drafts}, Closes: s.control.closes, Clearing: s.control.clearing(b.store), Logger: s.logger, Tariffs: s.owned, Noted: s.owned, Partners: s.control.partners, Found: &s.tally, Late: b.store, Preflight: preflight, Radar: radar, Public: &public, Messages: exchanged, App: calls, Keys: keys, Limits: limits,
		Open: pageOpen(&s.config), SecureCookie: strings.HasPrefix(s.config.PublicURL, "https://"),
	})
	return engine
}

// adHoc reports whether a Tariff is for charges without a contract: one without a type is
// for all (mod_tariffs).
func (s *service) adHoc(key ocpi.Key) bool {
	v := s.owned.CurrentTariff(key)
	return v != nil && (v.Type() == "" || v.Type() == "AD_HOC_PAYMENT")
}

// knewPartner reports whether there is a partner of an id. Messages of one that was removed
// are found without naming it.
func (s *service) knewPartner(id string) bool {
	_, ok := s.control.partners.Find(id)
	return ok
}

// preflight says what would become of what partners push.
func (s *service) preflight() *report.Preflight {
	return &report.Preflight{
		Assess: s.intake.Assess, Answer: foretold, First: s.firstCDR, Price: s.checker().Price, Known: s.owned, Bodies: s.config.Limits.Bodies,
		Limits: rest.Limits{Places: api.NewBudget(report.PreflightPlaces)},
		Sender: func(kind ingest.Object, party ocpi.Party) (from ingest.Sender, ok bool) {
			p, ok := s.control.partners.Owner(kind, party)
			if ok {
				from, ok = p.Sender(kind)
			}
			return from, ok
		},
	}
}

// charges reads what is stored of charges. It implements app.Charges.
type charges struct {
	*clickhouse.Store
	lists settlement.Lists
}

// Await implements app.Charges.
func (c charges) Await(ctx context.Context, o ingest.Object, strict bool) error {
	return c.lists.Await(ctx, o, strict)
}

// pageOpen reports whether the page lets in, without a key, who asks from this
// machine. With a public URL a proxy stands in front, whose requests come from
// this machine too.
func pageOpen(c *Config) bool { return c.PublicURL == "" && loopback(c.Listen) }

// loopback reports whether only this machine can reach the address.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
