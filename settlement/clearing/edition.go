package clearing

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"

	"github.com/roamclear/roamclear/pricing/tariff"
)

// Editions are those of what statements are drawn by: where all of them are the same, the
// same CDRs, agreements and decisions come to the same statement.
type Editions struct {
	Engine string `json:"engine"`  // edition of the engine
	ZoneDB string `json:"zone_db"` // release of the time-zone database
	// Rules is the edition of rules, packs and of what is reckoned from them, "" of a close
	// that was made before it was kept.
	Rules string `json:"rules,omitempty"`
}

// RunningEditions are those of the running program.
func RunningEditions() Editions {
	return Editions{Engine: tariff.EngineVersion, ZoneDB: tariff.ZoneDBVersion(), Rules: rulesEdition()}
}

// arithmetic counts how states, amounts owed, chains of credits and lines of statements came
// to follow from grounds, claims and decisions. Who changes that raises it: a statement that
// was issued cannot be held against what it comes to in another way.
const arithmetic = 1

// rulesEdition changes with each edition of a rule or a pack, and with arithmetic.
var rulesEdition = sync.OnceValue(func() string {
	var b strings.Builder
	for i := range rules {
		fmt.Fprintf(&b, "%s %s\n", rules[i].Code, rules[i].Edition)
	}
	for i := range packs {
		fmt.Fprintf(&b, "%s\n", packs[i].Edition)
	}
	return fmt.Sprintf("%d-%.6x", arithmetic, sha256.Sum256([]byte(b.String())))
})
