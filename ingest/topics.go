package ingest

import (
	"strings"
	"time"
)

// TopicSpec says once what a topic is: all that differs between topics follows
// from it.
type TopicSpec struct {
	Topic Topic
	// Spread topics have as many partitions as the setting kafka.partitions
	// says, so that work on them can be shared; the others have one.
	Spread bool
	// Group is the consumer group that keeps the topic in the store; "" for
	// one that every process folds from its start and nobody stores.
	Group string
	// Retention bounds what servers keep of it; zero: everything, for ever
	// (the embedded log deletes what its group has stored).
	Retention Retention
	// Former is the group that kept the topic before Group did: its commit
	// counts where Group has none yet.
	Former string
}

// Bounded reports whether the log may let go of records that nobody has stored.
func (s TopicSpec) Bounded() bool { return s.Retention != Retention{} }

// Retention bounds a topic by age and size, whichever is reached first.
type Retention struct {
	Age   time.Duration
	Bytes int64 // per partition
}

// Consumer groups. Their commits prove what was stored: see Ledger.
const (
	GroupPricing = "roamclear-pricing"
	GroupRecords = "roamclear-records"
	// GroupRefused has a topic of its own: what is bounded must not hold up
	// what is not.
	GroupRefused = "roamclear-refused"
)

// topics are all topics there are, in the order in which they are created: the
// ones that all else depends on come last, so that a start that was cut short
// begins anew.
var topics = []TopicSpec{
	{Topic: TopicCDRs, Spread: true, Group: GroupPricing},
	{Topic: TopicSessions, Spread: true, Group: GroupRecords},
	{Topic: TopicCommands, Spread: true, Group: GroupRecords},
	{Topic: TopicReference, Group: GroupRecords},
	{Topic: TopicRefused, Group: GroupRefused, Former: GroupRecords, Retention: Retention{Age: 30 * 24 * time.Hour, Bytes: 1 << 30}},
	{Topic: TopicControl},
}

// Topics returns what every topic is, in the order in which they are created.
func Topics() []TopicSpec { return append([]TopicSpec(nil), topics...) }

// Spec returns what the topic is; ok is false when there is no such topic.
func (t Topic) Spec() (spec TopicSpec, ok bool) {
	for _, s := range topics {
		if s.Topic == t {
			return s, true
		}
	}
	return TopicSpec{}, false
}

// Short returns the topic's name in the store, such as "cdrs".
func (t Topic) Short() string { return strings.TrimPrefix(string(t), "roamclear.") }

// Stored reports whether the topic's records are kept in the store.
func (s TopicSpec) Stored() bool { return s.Group != "" }

// TopicsOf returns the topics that a consumer group keeps.
func TopicsOf(group string) []Topic {
	var out []Topic
	for _, s := range topics {
		if s.Group == group && s.Stored() {
			out = append(out, s.Topic)
		}
	}
	return out
}
