package ocpi

import (
	"strconv"
	"strings"
)

// Path is where in a body a value stands, a step for each level.
type Path []step

// step is one level of a path.
type step struct {
	name  string
	index int // in an array, else -1
}

// Enter goes one level down.
func (p *Path) Enter(name string) { *p = append(*p, step{name, -1}) }

// At sets the array index of the current level.
func (p Path) At(i int) { p[len(p)-1].index = i }

// Leave goes one level up.
func (p *Path) Leave() { *p = (*p)[:len(*p)-1] }

// To writes the path of a member of the current level, such as
// "charging_periods[3].dimensions[0].volume"; name "" is the level itself and
// the body as a whole is "$".
func (p Path) To(name string) string {
	var b strings.Builder
	for _, s := range append(p, step{name, -1}) {
		if s.name != "" && b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
		if s.index >= 0 {
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(s.index))
			b.WriteByte(']')
		}
	}
	if b.Len() == 0 {
		return "$"
	}
	return b.String()
}
