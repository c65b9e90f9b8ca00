package control

import (
	"context"

	"github.com/roamclear/roamclear/ingest"
)

// Installation is the domain of who this installation is and which topic
// epochs its log has. Its methods are safe for concurrent use.
type Installation struct {
	machine *Machine
	state   State[installation]
}

type installation struct {
	id     string
	topics Map[ingest.Topic, TopicEpoch]
}

// TopicEpoch is the life of a topic under one partition count. A topic that
// is created again or partitioned anew is a new epoch.
type TopicEpoch struct {
	Epoch      uint8
	Partitions int
}

// NewInstallation registers the domain.
func NewInstallation(m *Machine) *Installation {
	d := &Installation{machine: m}
	m.Register(d.state.Publish, On(d.created), On(d.topicRegistered))
	return d
}

// ID returns who this installation is, "" before it was created.
func (d *Installation) ID() string { return d.state.Current().id }

// Topic returns the current epoch of a topic; ok is false when none is
// registered.
func (d *Installation) Topic(t ingest.Topic) (epoch TopicEpoch, ok bool) {
	return d.state.Current().topics.Get(t)
}

// Create names the installation, once. Errors as in [Machine.Do].
func (d *Installation) Create(ctx context.Context, id string) error {
	_, err := d.machine.Do(ctx, Command{ID: "installation", Change: InstallationCreated{ID: id}})
	return err
}

// RegisterTopic starts the first epoch of a topic. Errors as in [Machine.Do].
func (d *Installation) RegisterTopic(ctx context.Context, t ingest.Topic, e TopicEpoch) error {
	change := TopicRegistered{Topic: t, Epoch: e.Epoch, Partitions: e.Partitions}
	_, err := d.machine.Do(ctx, Command{ID: "topic-" + string(t), Change: change})
	return err
}

// InstallationCreated names the installation, once.
type InstallationCreated struct {
	ID string `json:"id"`
}

// Kind implements Change.
func (InstallationCreated) Kind() Kind { return Kind{"installation.created", 1} }

// Validate implements Change.
func (c InstallationCreated) Validate() error { return validateName("installation id", c.ID) }

func (d *Installation) created(_ Event, c InstallationCreated) error {
	if d.state.Folded.id != "" {
		return Conflict("this log already belongs to installation %s", d.state.Folded.id)
	}
	d.state.Folded.id = c.ID
	return nil
}

// TopicRegistered starts an epoch of a topic. Epochs of a topic only grow.
type TopicRegistered struct {
	Topic      ingest.Topic `json:"topic"`
	Epoch      uint8        `json:"epoch"`
	Partitions int          `json:"partitions"`
}

// Kind implements Change.
func (TopicRegistered) Kind() Kind { return Kind{"topic.registered", 1} }

// Validate implements Change.
func (c TopicRegistered) Validate() error {
	if c.Partitions < 1 {
		return Invalid("topic %s: %d partitions, want at least 1", c.Topic, c.Partitions)
	}
	return validateName("topic", string(c.Topic))
}

func (d *Installation) topicRegistered(_ Event, c TopicRegistered) error {
	if known, ok := d.state.Folded.topics.Get(c.Topic); ok && c.Epoch <= known.Epoch {
		return Conflict("topic %s is already at epoch %d with %d partitions", c.Topic, known.Epoch, known.Partitions)
	}
	d.state.Folded.topics = d.state.Folded.topics.With(c.Topic, TopicEpoch{Epoch: c.Epoch, Partitions: c.Partitions})
	return nil
}
