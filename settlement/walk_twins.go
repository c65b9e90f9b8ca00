package settlement

import (
	"context"
	"strings"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// twinProof finds the Sessions that are billed twice by hand. It keeps the CDRs
// of Sessions that the store knows several of: all others pass by.
type twinProof struct {
	held   map[[2]ocpi.Key]bool // of the store: a CDR, and the other
	shared map[uint64]bool

	mu   sync.Mutex // guards what follows
	cdrs []walkedTwin
}

type walkedTwin struct {
	SessionCDR
	partition ingest.Partition
	offset    int64
}

// maxUnlisted bounds the CDRs named that no list of Sessions has.
const maxUnlisted = 20

// openTwins reads which Sessions several CDRs are of, and whether it can be known.
func (p *relationProof) openTwins(ctx context.Context, store VerifyStore) error {
	p.twins.shared = map[uint64]bool{}
	if err := store.SharedSessions(ctx, func(hash uint64) error { p.twins.shared[hash] = true; return nil }); err != nil {
		return err
	}
	unlisted, err := store.UnlistedSessions(ctx, maxUnlisted)
	for _, key := range unlisted {
		p.report.disagree(ingest.Partition{Topic: ingest.TopicCDRs}, -1, "session_cdrs does not list CDR %s", key)
	}
	return err
}

func (t *twinProof) hold(r Relation) {
	if t.held == nil {
		t.held = map[[2]ocpi.Key]bool{}
	}
	t.held[[2]ocpi.Key{r.Key, r.Other}] = true
}

// visit keeps a counted CDR whose Session others are of.
func (t *twinProof) visit(in ingest.Partition, r *ingest.Record, row *pricing.Row) {
	if row.Credit || row.SessionID == "" || !t.shared[SessionHash(r.Key.Party, row.SessionID)] {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cdrs = append(t.cdrs, walkedTwin{SessionCDR{Key: cloneKey(r.Key), Session: strings.Clone(row.SessionID)}, in, r.Offset})
}

// compareTwins holds the store's relations of Sessions against those that follow
// from the walk, where the pass has seen all of a Session's CDRs.
func (p *relationProof) compareTwins() {
	at := map[ocpi.Key]*walkedTwin{}
	var cdrs []SessionCDR
	for i := range p.twins.cdrs {
		c := &p.twins.cdrs[i]
		c.Cancelled = p.cancelled(c.Key)
		at[c.Key], cdrs = c, append(cdrs, c.SessionCDR)
	}
	unproved := map[ocpi.Key]bool{}
	for _, set := range bySession(cdrs) {
		ahead := len(set) > MaxTwins
		for _, c := range set {
			w := at[c.Key]
			ahead = ahead || w.offset >= p.progress[w.partition]
		}
		for _, c := range set {
			unproved[c.Key] = ahead
		}
		if ahead {
			continue
		}
		for _, r := range BilledTwice(set) {
			pair := [2]ocpi.Key{r.Key, r.Other}
			if !p.twins.held[pair] {
				w := at[r.Key]
				p.report.disagree(w.partition, w.offset, "relations lacks %q", relationText(r.Kind, r.Key, r.Other))
			}
			delete(p.twins.held, pair)
		}
	}
	for pair := range p.twins.held {
		if !unproved[pair[0]] {
			p.report.disagree(ingest.Partition{Topic: ingest.TopicCDRs}, -1, "relations holds %q, which does not follow from the bodies",
				relationText(SessionBilledTwice, pair[0], pair[1]))
		}
	}
}
