package api

import "testing"

func TestBudget(t *testing.T) {
	b := NewBudget(8) // two each
	for i, step := range []struct {
		owner string
		n     int64
		want  bool
	}{
		{"a", 3, false}, // more than its share at once
		{"a", 2, true}, {"a", 1, false},
		{"b", 1, true}, {"b", 1, true}, {"b", 1, false},
		{"c", 2, true}, {"d", 2, true},
		{"e", 1, false}, // all is taken
	} {
		if got := b.Take(step.owner, step.n); got != step.want {
			t.Errorf("step %d: %s takes %d: %v", i, step.owner, step.n, got)
		}
	}
	b.Give("b", 1)
	if b.Used() != 7 || !b.Take("e", 1) || b.Take("b", 1) {
		t.Errorf("%d used", b.Used())
	}
	if !NewBudget(1).Take("a", 1) {
		t.Error("a budget of one gives nothing")
	}
}
