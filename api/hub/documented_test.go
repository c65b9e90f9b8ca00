package hub

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// documented are the kinds of objects that the documents have, by their schema.
var documented = map[ingest.Object]string{
	ingest.ObjectLocation: "locations.Location", ingest.ObjectTariff: "tariffs.Tariff", ingest.ObjectSession: "sessions.Session",
	ingest.ObjectCDR: "cdrs.CDR", ingest.ObjectToken: "tokens.Token",
}

// notValid are examples of the specification that are not what it says itself.
var notValid = map[string]string{
	"2.1.1/cdr_example.json": "a price is in quotes",
	"2.3.0/cdr_example.json": "its Tariff lacks tax_included",
}

// knownAll is what conversions ask for, known of everything.
func knownAll(d *Deps) {
	d.Known.Token = func(contract string, _ ocpi.Time) (ocpi.CDRToken, bool) {
		return ocpi.CDRToken{CountryCode: "NL", PartyID: "EXW", UID: "U1", Type: "RFID", ContractID: contract}, true
	}
	d.Known.Zone = func(string) string { return "Europe/Amsterdam" }
}

// Every answer to a read, of every route, of objects that were sent in each
// version, is what the official document wants: status, headers and body.
func TestReadsAreAsDocumented(t *testing.T) {
	d := readOfficialDocuments(t)
	b := &backend{}
	h, s := serveWith(t, b, knownAll)
	for path, routes := range s.paths() {
		version := documentedVersion(path)
		for _, r := range routes {
			schema, has := documented[r.object]
			if version == "" || r.method != http.MethodGet || r.object != 0 && !has || strings.HasSuffix(path, "/credentials") {
				continue
			}
			url, token, _, _ := concrete(path, r.object)
			if r.object == 0 {
				d.check(t, version, "GET", path, answered(t, h, "GET", url, token, ""))
				continue
			}
			kind, _, _ := strings.Cut(schema, "s.")
			for _, e := range examples(t, kind) {
				serveExample(b, e)
				at := url
				if strings.Contains(path, ":evse") {
					at = e.where(t, Prefix+strings.NewReplacer(objectPath, "/GB/DUN/X1", ":id", "X1").Replace(path))
				}
				w := answered(t, h, "GET", at, token, "")
				if notValid[e.name] == "" {
					t.Run(e.name, func(t *testing.T) { d.check(t, version, "GET", path, w) })
				}
			}
		}
	}
}

// Every answer to a write is, and so are all errors.
func TestWritesAreAsDocumented(t *testing.T) {
	d := readOfficialDocuments(t)
	b := &backend{}
	h, s := serveWith(t, b, nil)
	outcomes := map[string]struct {
		err     error
		created bool
		nobody  bool // asks
		http    int
	}{
		"made": {created: true, http: 201}, "changed": {http: 200}, "asked for by nobody": {nobody: true, http: 401},
		"wrong": {err: &ocpi.Invalid{Fields: []ocpi.FieldError{{Path: "id", Reason: "missing"}}}, http: 200}, "not there": {err: ingest.ErrUnknownObject, http: 404},
		"no JSON": {err: &ocpi.SyntaxError{Offset: 1, Reason: "unexpected end"}, http: 400}, "too much": {err: ingest.ErrOverload, http: 503}, "broken": {err: errors.New("broken"), http: 200},
	}
	for path, routes := range s.paths() {
		version := documentedVersion(path)
		for _, r := range routes {
			_, has := documented[r.object]
			extra := r.method == http.MethodPost && strings.Contains(path, ":country") // of clients that know the URL otherwise
			if version == "" || r.method == http.MethodGet || !has || extra || r.asks {
				continue
			}
			for name, o := range outcomes {
				if o.created && r.method != http.MethodPut && r.method != http.MethodPost {
					continue
				}
				t.Run(r.method+" "+path+" "+name, func(t *testing.T) {
					*b = backend{version: ocpi.V221, err: o.err, receipt: ingest.Receipt{Created: o.created}}
					url, token, _, _ := concrete(path, r.object)
					if o.nobody {
						token = ""
					}
					w := answered(t, h, r.method, url, token, "{}")
					d.check(t, version, r.method, path, w)
					if r.object != ingest.ObjectCDR && r.method == http.MethodPut && w.Code != o.http {
						t.Errorf("HTTP %d, want %d", w.Code, o.http)
					}
				})
			}
		}
	}
}

// A handshake is, in each of its steps.
func TestCredentialsAreAsDocumented(t *testing.T) {
	d := readOfficialDocuments(t)
	for _, v := range versions[1:] {
		r := newRegistrar(t, control.NewInvitation{})
		token, path := r.tokenA, "/"+v.String()+"/credentials"
		for i, step := range []struct {
			method, body string
			http         int
		}{
			{"GET", "", 200}, {"PUT", credentialsOf(v), 405}, {"DELETE", "", 405}, {"POST", "{}", 200}, {"POST", "{", 400}, {"POST", credentialsOf(v), 200},
			{"GET", "", 200}, {"POST", credentialsOf(v), 405}, {"PUT", credentialsOf(v), 200}, {"DELETE", "", 200}, {"GET", "", 401},
		} {
			w := answered(t, r.handler, step.method, Prefix+path, token, step.body)
			if w.Code != step.http {
				t.Fatalf("%s step %d, %s: HTTP %d, want %d: %s", v, i, step.method, w.Code, step.http, w.Body)
			}
			d.check(t, v.String(), step.method, path, w)
			var e struct{ Data struct{ Token string } }
			if step.body != "{}" && json.Unmarshal(w.Body.Bytes(), &e) == nil && e.Data.Token != "" {
				token = e.Data.Token
			}
		}
	}
}

// serveExample has everything that is asked for be an example.
func serveExample(b *backend, e example) {
	*b = backend{version: e.version, every: string(e.body)}
	b.cdr = func(context.Context, ocpi.Key) ([]byte, ocpi.Version, error) { return e.body, e.version, nil }
	b.page = settlement.OCPIPage{Bodies: [][]byte{e.body}, Versions: []ocpi.Version{e.version}, Owners: []ocpi.Party{ocpi.NewParty("GB", "DUN")}, Total: 2, Next: "next"}
}

// documentedVersion is the version in a path, "" where there is no document.
func documentedVersion(path string) string {
	switch {
	case path == "/versions":
		return "2.2.1"
	case strings.HasPrefix(path, "/2.2.1"):
		return "2.2.1"
	case strings.HasPrefix(path, "/2.3.0"):
		return "2.3.0"
	}
	return ""
}
