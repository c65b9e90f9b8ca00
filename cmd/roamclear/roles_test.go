package main

import (
	"testing"

	commanding "github.com/roamclear/roamclear/api/command"
)

// The desk is told of every Session and command where somebody sees to it, of commands also
// where they are counted before one more is asked for.
func TestOnlyWhoSeesToCommandsIsTold(t *testing.T) {
	for _, role := range roleNames {
		s := service{config: Config{Roles: []string{role}}, desk: commanding.New(commanding.Deps{})}
		sessions, commands := s.watched()
		if told := sessions.Seen != nil; told != (role == roleSettle) {
			t.Errorf("role %s: told of Sessions %t", role, told)
		}
		if told := commands.Seen != nil; told != (role != rolePrice) {
			t.Errorf("role %s: told of commands %t", role, told)
		}
	}
}
