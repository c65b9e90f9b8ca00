package control

import (
	"unicode"
	"unicode/utf8"

	"github.com/roamclear/roamclear/ingest"
)

const maxName = 200 // bytes of a partner's or key's name or id

func validateName(what, s string) error {
	if s == "" || len(s) > maxName || !utf8.ValidString(s) {
		return invalid("%s: want 1 to %d bytes of UTF-8", what, maxName)
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return invalid("%s %q: control characters are not allowed", what, s)
		}
	}
	return nil
}

// InstallationCreated names the installation, once.
type InstallationCreated struct {
	ID string `json:"id"`
}

func (c InstallationCreated) validate() error { return validateName("installation id", c.ID) }

func (c InstallationCreated) apply(s *State, _ Event) error {
	if s.installation != "" {
		return conflict("this log already belongs to installation %s", s.installation)
	}
	s.installation = c.ID
	return nil
}

// TopicRegistered starts an epoch of a topic. Epochs of a topic only grow.
type TopicRegistered struct {
	Topic      ingest.Topic `json:"topic"`
	Epoch      uint8        `json:"epoch"`
	Partitions int          `json:"partitions"`
}

func (c TopicRegistered) validate() error {
	if c.Partitions < 1 {
		return invalid("topic %s: %d partitions, want at least 1", c.Topic, c.Partitions)
	}
	return validateName("topic", string(c.Topic))
}

func (c TopicRegistered) apply(s *State, _ Event) error {
	if known, ok := s.topics[c.Topic]; ok && c.Epoch <= known.Epoch {
		return conflict("topic %s is already at epoch %d with %d partitions", c.Topic, known.Epoch, known.Partitions)
	}
	s.topics[c.Topic] = TopicEpoch{Epoch: c.Epoch, Partitions: c.Partitions}
	return nil
}
