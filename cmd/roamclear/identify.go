package main

import (
	"context"
	"fmt"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
)

// openControl folds the control log, by which all others are placed.
func (s *service) openControl(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if s.control, err = openDecisions(ctx, s.backends.log, s.logger); err != nil {
		return err
	}
	if !s.config.Roaming.Open {
		s.control.partners.PairsOnly()
	}
	s.control.partners.Counts(&s.tally)
	// What cannot be folded is told once all runs; until then what stands before it counts.
	if err := s.control.fold(ctx); err != nil && !isHalted(err) {
		return fmt.Errorf("fold the control log: %w", err)
	}
	return s.control.place(s.backends.log)
}

// identifyOr is identify, given up as soon as a follower fails.
func (s *service) identifyOr(ctx context.Context, failed <-chan error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	identified := make(chan error, 1)
	go func() { identified <- s.identify(ctx) }()
	select {
	case err := <-identified:
		return err
	case err := <-failed:
		cancel(err)
		<-identified
		return err
	}
}

// identify holds log and store together: one installation, known topics.
func (s *service) identify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := s.control.machine.WaitReady(ctx); err != nil {
		return fmt.Errorf("fold the control log: %w", err)
	}
	inLog := s.control.installation.ID()
	var inStore string
	err := awaitStore(ctx, s.logger, func() (err error) {
		inStore, err = s.backends.store.Installation(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the store's installation: %w", err)
	}
	switch {
	case inLog == "" && inStore == "":
		if inLog, err = s.control.install(ctx); err != nil {
			return fmt.Errorf("register the installation: %w", err)
		}
		fallthrough
	case inStore == "":
		// The log knows, the store is new: a first start that was cut short,
		// or a store to be filled again from a log that still holds it all.
		if err := s.backends.store.SetInstallation(ctx, inLog); err != nil {
			return fmt.Errorf("write the store's installation: %w", err)
		}
	case inLog != inStore:
		return fmt.Errorf("this log and this store do not belong together (installation %q in the log, %q in the store): put back the ones that do, or start with a new data directory", inLog, inStore)
	}
	if err := s.registerTopics(ctx); err != nil {
		return err
	}
	if err := s.backends.store.NoteIssuers(ctx, s.owned.Issuers); err != nil {
		return err
	}
	return s.checkEnds(ctx)
}

// registerTopics registers the epoch and partition count of each topic that is new. Those
// that are known were placed by.
func (s *service) registerTopics(ctx context.Context) error {
	for _, spec := range ingest.Topics() {
		t, n := spec.Topic, len(s.backends.log.Partitions(spec.Topic))
		if !spec.Stored() {
			continue // the control topic has one partition and cannot speak of itself
		}
		if _, known := s.control.installation.Topic(t); known {
			continue
		}
		if err := s.control.register(ctx, t, control.TopicEpoch{Epoch: logEpoch, Partitions: n}); err != nil {
			return fmt.Errorf("register topic %s: %w", t, err)
		}
	}
	return nil
}

// checkEnds refuses a log that ends before what the store has stored: an older
// copy of it was put back, or it lost its end. It would hand out offsets again
// that the store has seen, and other CDRs would take the place of those.
func (s *service) checkEnds(ctx context.Context) error {
	for _, spec := range ingest.Topics() {
		if !spec.Stored() {
			continue
		}
		for _, p := range s.backends.log.Partitions(spec.Topic) {
			stored, err := s.backends.store.Checkpoint(ctx, p)
			if err != nil {
				return err
			}
			_, end, err := s.backends.log.Bounds(ctx, p)
			if err != nil {
				return fmt.Errorf("read the end of %s: %w", p, err)
			}
			if stored > end {
				return fmt.Errorf("the store holds %s up to offset %d, the log ends at %d: put back the log that belongs to this store, or a store that is no newer than the log", p, stored, end)
			}
		}
	}
	return nil
}
