package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
)

// testedVersion is that of the embedded engine, by which all is tested.
const testedMajor, testedMinor = 26, 7

// Server error codes of who may not come, or may not do what it asks.
var (
	loginCodes   = []int32{192, 193, 194, 516} // UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED
	grantCodes   = []int32{497, 164}           // ACCESS_DENIED, READONLY
	versionCodes = []int32{115, 62}            // UNKNOWN_SETTING, SYNTAX_ERROR
	absentCodes  = []int32{60, 81}             // UNKNOWN_TABLE, UNKNOWN_DATABASE
)

func hasCode(err error, codes []int32) bool {
	ex, ok := errors.AsType[*ch.Exception](err)
	return ok && slices.Contains(codes, ex.Code)
}

// Probe tries all that a Store needs of servers, and changes nothing: each address,
// whether its user may do what it must, and whether several share their tables. What is
// well stands in the list too.
func Probe(ctx context.Context, o Options) []ingest.Trial {
	results := make([][]ingest.Trial, len(o.Addr))
	var all sync.WaitGroup
	for i, addr := range o.Addr {
		all.Go(func() { results[i] = probe(ctx, o, addr) })
	}
	all.Wait()
	trials := slices.Concat(results...)
	if slices.ContainsFunc(trials, func(t ingest.Trial) bool { return t.Reason != "" && !t.Told }) {
		return trials
	}
	ask := func(ctx context.Context, addr string) (string, string, error) { return standsBehind(ctx, o, addr) }
	if err := checkShared(ctx, o.Database, o.Addr, ask); err != nil {
		trials = append(trials, ingest.Trial{Server: strings.Join(o.Addr, ","), Reason: ingest.TrialReplicas, Err: err})
	}
	return trials
}

// probe tries one address.
func probe(ctx context.Context, o Options, addr string) []ingest.Trial {
	ctx, cancel := context.WithTimeout(ctx, 4*dialTimeout)
	defer cancel()
	o.Addr = []string{addr}
	conn, err := ch.Open(connOptions(o, "default"))
	if err != nil {
		return []ingest.Trial{{Server: addr, Reason: ingest.TrialSettings, Err: err}}
	}
	defer conn.Close() //nolint:errcheck // nothing was written
	server, err := conn.ServerVersion()
	if err == nil {
		err = conn.Ping(ctx)
	}
	if err != nil {
		return []ingest.Trial{unreached(addr, &o, err)}
	}
	how := fmt.Sprintf("connected, ClickHouse %s", server.Version)
	if o.TLS != nil {
		how = fmt.Sprintf("connected over TLS, ClickHouse %s", server.Version)
	}
	trials := []ingest.Trial{{Server: addr, What: how}}
	if v := server.Version; cmp.Or(cmp.Compare(v.Major, testedMajor), cmp.Compare(v.Minor, testedMinor)) < 0 {
		trials = append(trials, ingest.Trial{Server: addr, Reason: ingest.TrialVersion, Told: true,
			Err: fmt.Errorf("%s: ClickHouse %s is older than what roamclear is tested with (%d.%d)", addr, v, testedMajor, testedMinor)})
	}
	return append(trials, granted(ctx, conn, addr, o.Database), known(ctx, conn, addr, o.Database))
}

// unreached is why a server is of no use.
func unreached(addr string, o *Options, err error) ingest.Trial {
	t := ingest.Trial{Server: addr, Reason: ingest.ReasonOf(err), Err: fmt.Errorf("%s: %w", addr, err)}
	switch {
	case hasCode(err, loginCodes):
		t.Reason, t.Err = ingest.TrialLogin, fmt.Errorf("%s refuses the login (clickhouse.user, clickhouse.password): %w", addr, err)
	case hasCode(err, grantCodes):
		t.Reason = ingest.TrialGranted
	case hasCode(err, versionCodes):
		t.Reason, t.Err = ingest.TrialVersion, fmt.Errorf("%s does not understand what roamclear asks; it is tested with ClickHouse %d.%d: %w", addr, testedMajor, testedMinor, err)
	case t.Reason == ingest.TrialOther && o.TLS == nil:
		t.Err = fmt.Errorf("%s does not answer as ClickHouse does (its native protocol, port 9000): it may speak TLS there (clickhouse.tls.enabled): %w", addr, err)
	}
	return t
}

// granted asks whether the user may do what it must.
func granted(ctx context.Context, conn driver.Conn, addr, database string) ingest.Trial {
	var missing []string
	for _, g := range Grants(database) {
		lacks := Grant{On: g.On}
		for _, privilege := range g.Privileges {
			var has uint8
			err := conn.QueryRow(ctx, "CHECK GRANT "+Grant{[]string{privilege}, g.On}.String()).Scan(&has)
			if err != nil {
				return ingest.Trial{Server: addr, Reason: ingest.TrialGranted, Told: true, Err: fmt.Errorf("%s does not say what its user may do: %w", addr, err)}
			}
			if has == 0 {
				lacks.Privileges = append(lacks.Privileges, privilege)
			}
		}
		if len(lacks.Privileges) > 0 {
			missing = append(missing, lacks.String())
		}
	}
	if len(missing) == 0 {
		return ingest.Trial{Server: addr, What: "its user has what it needs"}
	}
	return ingest.Trial{Server: addr, Reason: ingest.TrialGranted, Err: fmt.Errorf("%s: grant %s to clickhouse.user: deploy/clickhouse-users.sh prints all of it", addr, strings.Join(missing, "; "))}
}

// known looks whether a newer version has worked on the database.
func known(ctx context.Context, conn driver.Conn, addr, database string) ingest.Trial {
	var have uint32
	err := conn.QueryRow(ctx, "SELECT max(version) FROM "+quoteName(database)+".schema_migrations").Scan(&have)
	switch {
	case hasCode(err, absentCodes), err == nil && have == 0:
		return ingest.Trial{Server: addr, What: "database " + database + " will be made"}
	case hasCode(err, grantCodes): // told by what is missing
		return ingest.Trial{Server: addr, What: "database " + database + " cannot be read"}
	case err != nil:
		return ingest.Trial{Server: addr, Reason: ingest.TrialOther, Err: fmt.Errorf("%s: read the schema's version: %w", addr, err)}
	}
	migrations, err := readMigrations(migrationFiles)
	if err != nil {
		return ingest.Trial{Server: addr, Reason: ingest.TrialOther, Err: err}
	}
	if newest := migrations[len(migrations)-1].version; have > newest {
		return ingest.Trial{Server: addr, Reason: ingest.TrialVersion, Err: fmt.Errorf("%s: database %s has schema version %d, this roamclear knows %d: run the newer one", addr, database, have, newest)}
	}
	return ingest.Trial{Server: addr, What: fmt.Sprintf("database %s has schema version %d", database, have)}
}
