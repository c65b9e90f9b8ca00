package control

// maxCommands bounds how many command ids are remembered. A command repeated
// after that many others is taken for a new one; its expected version, or the
// uniqueness of what it adds, still refuses it.
const maxCommands = 10_000

// recentCommands remembers the last command ids, oldest out first.
type recentCommands struct {
	seen map[string]struct{}
	ring []string
	next int
}

// add remembers id and reports whether it was new.
func (r *recentCommands) add(id string) bool {
	if _, repeat := r.seen[id]; repeat {
		return false
	}
	r.seen[id] = struct{}{}
	if len(r.ring) < maxCommands {
		r.ring = append(r.ring, id)
		return true
	}
	delete(r.seen, r.ring[r.next])
	r.ring[r.next] = id
	r.next = (r.next + 1) % maxCommands
	return true
}
