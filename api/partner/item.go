package partner

import (
	"encoding/json"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// module is a module that is pulled.
type module struct {
	id     string // as version details have it
	object ingest.Object
	// windowed lists are asked for what changed since a while ago; the others
	// are asked for as a whole.
	windowed bool
}

// modules are what is pulled, in the order in which one refers to another.
var modules = []module{
	{"locations", ingest.ObjectLocation, false},
	{"tariffs", ingest.ObjectTariff, false},
	{"tokens", ingest.ObjectToken, false},
	{"sessions", ingest.ObjectSession, true},
	{"cdrs", ingest.ObjectCDR, true},
}

// target says which object a body of a list is, as the URL of a push would have
// said: by its own members, in 2.1.1, whose bodies have no owner, by the party
// whose list it is. The error is an *ocpi.Invalid.
func (m *module) target(v ocpi.Version, owner ocpi.Party, body []byte) (ingest.Target, error) {
	t := ingest.Target{Object: m.object}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return t, &ocpi.Invalid{Fields: []ocpi.FieldError{{Path: "$", Reason: "want an object"}}}
	}
	idName := "id"
	if m.object == ingest.ObjectToken {
		idName, t.Variant = "uid", "RFID"
		if kind := text(members["type"]); kind != "" {
			t.Variant = ocpi.Fold(kind)
		}
	}
	t.ID = text(members[idName])
	t.Key = ocpi.Key{Party: owner, ID: ocpi.Fold(t.ID)}
	if v != ocpi.V211 {
		t.Key.Party = ocpi.NewParty(text(members["country_code"]), text(members["party_id"]))
	}
	var missing []ocpi.FieldError
	for _, field := range []struct{ name, value string }{{"country_code", t.Key.Party.Country}, {"party_id", t.Key.Party.ID}, {idName, t.ID}} {
		if field.value == "" {
			missing = append(missing, ocpi.FieldError{Path: field.name, Reason: "required"})
		}
	}
	if len(missing) > 0 {
		return t, &ocpi.Invalid{Fields: missing}
	}
	return t, nil
}

// text is a member's text, of a number its digits, as the decoder reads it.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	if v := string(value); v != "" && strings.ContainsRune("-0123456789", rune(v[0])) {
		return v
	}
	return ""
}
