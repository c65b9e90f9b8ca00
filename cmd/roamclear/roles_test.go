package main

import (
	"testing"

	commanding "github.com/roamclear/roamclear/api/command"
)

// The desk keeps what is open, of every Session and command, where somebody sees to it.
func TestOnlyWhoSeesToCommandsIsTold(t *testing.T) {
	for _, role := range roleNames {
		s := service{config: Config{Roles: []string{role}}, desk: commanding.New(commanding.Deps{})}
		sessions, commands := s.watched()
		if told, sees := []bool{sessions.Seen != nil, commands.Seen != nil}, role == roleSettle; told[0] != sees || told[1] != sees {
			t.Errorf("role %s: told of Sessions and commands %v, sees to them %v", role, told, sees)
		}
	}
}
