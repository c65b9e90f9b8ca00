package clickhouse

import (
	"fmt"
	"strings"
)

// Grant is some privileges on one thing, as GRANT has them.
type Grant struct {
	Privileges []string
	On         string
}

// String is what stands between GRANT and TO.
func (g Grant) String() string { return strings.Join(g.Privileges, ", ") + " ON " + g.On }

// Grants are what a server's user needs to be the service's, and all that it needs: the
// database is its own, and months and ids of a query are looked up in tables that it
// sends along.
func Grants(database string) []Grant { return grantsOn(quoteName(database) + ".*") }

func grantsOn(own string) []Grant {
	grants := []Grant{
		{[]string{"SELECT", "INSERT", "ALTER TABLE", "CREATE DATABASE", "CREATE TABLE", "CREATE VIEW", "DROP TABLE", "DROP VIEW", "TRUNCATE"}, own},
		{[]string{"CREATE TEMPORARY TABLE"}, "*.*"},
	}
	for _, table := range []string{"columns", "settings", "tables"} {
		grants = append(grants, Grant{[]string{"SELECT"}, "system." + table})
	}
	for _, engine := range tableEngines {
		grants = append(grants, Grant{[]string{"TABLE ENGINE"}, engine})
	}
	return grants
}

// tableEngines need no file, URL or other server.
var tableEngines = []string{"Atomic", "MaterializedView", "Memory", "MergeTree", "ReplacingMergeTree"}

// engineGrants are those of the embedded engine's user: tests take databases of their own,
// and what people look at beside the service is theirs.
func engineGrants() []Grant {
	own := EngineDatabase + "*.*"
	return append(grantsOn(own), Grant{[]string{"DROP DATABASE", "OPTIMIZE", "SHOW", "BACKUP", "SYSTEM MERGES", "SYSTEM VIEWS"}, own},
		Grant{[]string{"SELECT"}, "system.*"}, Grant{[]string{"KILL QUERY"}, "*.*"})
}

// grantQueries are the statements of users.xml that grant g.
func grantQueries(grants []Grant) string {
	var b strings.Builder
	for _, g := range grants {
		fmt.Fprintf(&b, "        <query>GRANT %s</query>\n", escapeXML(g.String()))
	}
	return b.String()
}
