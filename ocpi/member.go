package ocpi

// HasMember reports whether a JSON object has a member of that name at its
// top level. Errors: *SyntaxError, or *Invalid when it is no object.
func HasMember(raw []byte, name string) (bool, error) {
	o, err := splitObject(raw, "$")
	if err != nil {
		return false, err
	}
	return o.index(name) >= 0, nil
}

// Text returns the string at the top level of a JSON object under a name, of a
// number its text; "" when there is none, or the object cannot be read.
func Text(raw []byte, name string) string {
	o, err := splitObject(raw, "$")
	if err != nil {
		return ""
	}
	return o.Text(name)
}
