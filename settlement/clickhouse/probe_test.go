package clickhouse

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control/certtest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// engineWith starts an engine whose user has some rights and no more.
func engineWith(t *testing.T, grants []Grant) *Engine {
	t.Helper()
	library, err := FetchEngine(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	e, err := StartEngine(t.Context(), EngineOptions{Dir: t.TempDir(), Library: library, Logger: slog.New(slog.DiscardHandler), grants: grants})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return e
}

// The rights that are asked for are enough: to make the schema from its first version
// on, to store CDRs, to price them again and to read reports.
func TestTheServiceNeedsNoMoreRights(t *testing.T) {
	e := engineWith(t, Grants(EngineDatabase))
	for _, trial := range Probe(t.Context(), e.Options()) {
		if trial.Reason != "" {
			t.Errorf("%+v", trial)
		}
	}
	s := openStore(t, e, EngineDatabase)
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, s, batchOf(t, 0, 0, `
		GB*DUN  NL*EXW  c1  2019-01-15  GBP  10.00/12.00  priced 10.00/12.00       VAT:20=2.00
		GB*DUN  NL*EXW  c1  2019-01-15  GBP  10.00/12.00  priced 10.00/12.00       VAT:20=2.00
		GB*DUN  NL*EXW  c2  2019-01-16  GBP  5.00/-       rejected unknown_tariff  -`))
	january := ocpi.MonthOf(2019, time.January)
	rows, err := s.Settlement(t.Context(), settlement.SettlementQuery{From: january, To: january})
	if err != nil || len(rows) != 1 {
		t.Errorf("%+v, %v", rows, err)
	}
	for _, trial := range Probe(t.Context(), e.Options()) {
		if trial.Reason != "" || strings.Contains(trial.What, "will be made") {
			t.Errorf("%+v", trial)
		}
	}
}

// The script prints just these rights, and the server understands its statements.
func TestTheScriptGrantsWhatIsNeeded(t *testing.T) {
	script := exec.CommandContext(t.Context(), "../../deploy/clickhouse-users.sh", "clearing")
	script.Env = append(os.Environ(), "ROAMCLEAR_CLICKHOUSE_PASSWORD=hidden", "READER_PASSWORD=hidden")
	out, err := script.Output()
	if err != nil {
		t.Fatal(err)
	}
	var granted, want []string
	s := openStore(t, engine, EngineDatabase)
	defer s.Close()
	for st := range strings.SplitSeq(strings.TrimSpace(string(out)), ";\n") {
		st = strings.TrimSuffix(st, ";")
		if g, ok := strings.CutSuffix(st, " TO clearing"); ok {
			granted = append(granted, strings.TrimPrefix(g, "GRANT "))
		}
		var formatted string
		if err := s.conn.QueryRow(t.Context(), "SELECT formatQuery(?)", st).Scan(&formatted); err != nil {
			t.Errorf("%s: %v", st, err)
		}
	}
	for _, g := range Grants("clearing") {
		want = append(want, g.String())
	}
	if !slices.Equal(granted, want) || strings.Contains(string(out), "hidden") {
		t.Errorf("it grants\n%s\nwant\n%s\nin\n%s", strings.Join(granted, "\n"), strings.Join(want, "\n"), out)
	}
}

// What is wrong with a server is told by reason, and with which.
func TestServersAreTried(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	go func() {
		for {
			conn, err := other.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			conn.Close()
		}
	}()
	secured := certtest.Front(t, certtest.NewCA(t, "Servers").Asks("clickhouse"), engine.Addr())
	poor := engineWith(t, []Grant{{[]string{"SELECT"}, "`" + EngineDatabase + "`.*"}, {[]string{"SELECT"}, "system.*"}})
	for name, tt := range map[string]struct {
		change       func(*Options)
		reason, says string
	}{
		"as it should be":     {func(*Options) {}, "", ""},
		"no such name":        {func(o *Options) { o.Addr = []string{"nowhere.invalid:9000"} }, ingest.TrialName, "nowhere.invalid"},
		"nobody there":        {func(o *Options) { o.Addr = []string{gone.Addr().String()} }, ingest.TrialRefused, gone.Addr().String()},
		"something else":      {func(o *Options) { o.Addr = []string{other.Addr().String()} }, ingest.TrialOther, "clickhouse.tls.enabled"},
		"it wants TLS":        {func(o *Options) { o.Addr = []string{secured} }, ingest.TrialOther, "clickhouse.tls.enabled"},
		"another password":    {func(o *Options) { o.Password = "another" }, ingest.TrialLogin, "clickhouse.password"},
		"nobody known":        {func(o *Options) { o.User = "nobody" }, ingest.TrialLogin, "clickhouse.user"},
		"what is not granted": {func(o *Options) { *o = poor.Options() }, ingest.TrialGranted, "grant INSERT, ALTER TABLE, CREATE DATABASE"},
		"one of two is away":  {func(o *Options) { o.Addr = append(o.Addr, gone.Addr().String()) }, ingest.TrialRefused, gone.Addr().String()},
	} {
		o := engine.Options()
		tt.change(&o)
		var wrong []ingest.Trial
		for _, trial := range Probe(t.Context(), o) {
			if trial.Reason != "" {
				wrong = append(wrong, trial)
			}
		}
		if tt.reason == "" && len(wrong) > 0 || tt.reason != "" && (len(wrong) != 1 || wrong[0].Reason != tt.reason || wrong[0].Told || !strings.Contains(fmt.Sprint(wrong[0].Err), tt.says)) {
			t.Errorf("%s: %+v, want %s and %q", name, wrong, tt.reason, tt.says)
		}
	}
}
