package tariff

import "unsafe"

// Bytes returns how much memory the tariff holds, with the JSON that its
// explanations repeat, which it makes now.
func (p *Prepared) Bytes() int {
	p.render()
	n := int(unsafe.Sizeof(*p)) + len(p.id) + len(p.country) + len(p.party) + len(p.currency) + len(p.ref.Owner) + cap(p.ref.json)
	for i := range p.elements {
		n += cap(p.elements[i].json)
	}
	n += sizeOf(p.elements) + sizeOf(p.compiled) + sizeOf(p.components) + sizeOf(p.rates)
	n += sizeOf(p.bounds.seconds) + sizeOf(p.bounds.elapsed) + sizeOf(p.bounds.energies)
	// The candidates are slices of one array with an entry per component.
	return n + len(p.components)*int(unsafe.Sizeof(candidate{}))
}

func sizeOf[T any](s []T) int { return cap(s) * int(unsafe.Sizeof(*new(T))) }
