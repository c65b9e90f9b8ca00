package ocpi

// SessionStatus returns the status of a Session as it is stored, written as OCPI
// does (mod_sessions, SessionStatus); "" where it has none.
func SessionStatus(session []byte) (status string) {
	if len(session) == 0 {
		return ""
	}
	var s scanner
	s.begin(session)
	if s.peek() != '{' {
		return ""
	}
	o := s.open()
	for s.next(&o) {
		if o.name == "status" && s.peek() == '"' {
			status = enumName(s.str())
			continue
		}
		s.skip()
	}
	if s.finish() != nil {
		return ""
	}
	return status
}

// SameSession reports whether two states of a Session say the same but for when
// they were last updated: a push that came again changes nothing.
func SameSession(a, b []byte) bool {
	x, errA := withoutUpdate(a)
	y, errB := withoutUpdate(b)
	return errA == nil && errB == nil && x == y
}

func withoutUpdate(session []byte) ([32]byte, error) {
	o, err := splitObject(session, "$")
	if err != nil {
		return [32]byte{}, err
	}
	var d Decoder
	return d.CanonicalHash(o.setPlain("last_updated", "null").Bytes())
}
