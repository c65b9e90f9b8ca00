package ingest

import (
	"slices"
	"testing"
)

// Every topic has one place: its name, and the group that keeps it. Control
// comes last, since all else depends on what stands in it.
func TestTheTableOfTopics(t *testing.T) {
	seen := map[Topic]bool{}
	for _, s := range Topics() {
		if seen[s.Topic] || s.Topic.Short() == string(s.Topic) {
			t.Errorf("%s: twice in the table, or not a name of ours", s.Topic)
		}
		seen[s.Topic] = true
		if spec, ok := s.Topic.Spec(); !ok || spec != s {
			t.Errorf("%s: Spec gives %+v", s.Topic, spec)
		}
		if s.Stored() != slices.Contains(TopicsOf(s.Group), s.Topic) {
			t.Errorf("%s: kept by %q, whose topics are %v", s.Topic, s.Group, TopicsOf(s.Group))
		}
	}
	if last := topics[len(topics)-1]; last.Topic != TopicControl || last.Stored() || last.Spread {
		t.Errorf("the last topic is %+v, want control, which every process folds", last)
	}
	if _, ok := Topic("roamclear.other").Spec(); ok {
		t.Error("a topic that is not in the table has a spec")
	}
}
