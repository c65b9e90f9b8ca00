package convert

import "github.com/roamclear/roamclear/ocpi"

// class is what the members of a class of OCPI are, in each version, and what becomes
// of them.
type class struct {
	fields []*field
	by     [ocpi.V230 + 1]map[string]*field // by name, of each version

	begin func(c *conversion, x *exchange) // before the members: adds what stands first
	end   func(c *conversion, x *exchange) // after them: adds what is missing
}

// field is a member of a class.
type field struct {
	in   [ocpi.V230 + 1]string // its name in each version, "" where it has none
	rule rule
}

// rule hands a member, which is not null, on. name is its name in the target, "" where
// there is no such member. A nil rule hands the value on as it is.
type rule func(c *conversion, x *exchange, m ocpi.RawMember, name string)

func newClass(fields ...*field) *class {
	k := &class{fields: fields}
	for v := ocpi.V211; v <= ocpi.V230; v++ {
		k.by[v] = make(map[string]*field, len(fields))
		for _, f := range fields {
			if name := f.in[v]; name != "" {
				k.by[v][name] = f
			}
		}
	}
	return k
}

// same is a member that all versions have.
func same(name string, r rule) *field { return named(name, name, r) }

// named is a member that got another name with 2.2.1.
func named(in211, since221 string, r rule) *field {
	return &field{in: [...]string{ocpi.V211: in211, ocpi.V221: since221, ocpi.V230: since221}, rule: r}
}

// only211 is a member that went with 2.2.1.
func only211(name string, r rule) *field { return named(name, "", r) }

// since221 is a member that came with 2.2.1.
func since221(name string, r rule) *field { return named("", name, r) }

// since230 is a member that came with 2.3.0.
func since230(name string, r rule) *field {
	return &field{in: [...]string{ocpi.V230: name}, rule: r}
}
