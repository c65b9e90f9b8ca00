package ocpi

// SessionCompleted reports whether a Session, as it is stored, is COMPLETED:
// "no more modifications will be made" (mod_sessions, SessionStatus).
func SessionCompleted(session []byte) bool {
	if len(session) == 0 {
		return false
	}
	var s scanner
	s.begin(session)
	if s.peek() != '{' {
		return false
	}
	completed := false
	o := s.open()
	for s.next(&o) {
		if o.name == "status" && s.peek() == '"' {
			completed = enumName(s.str()) == "COMPLETED"
			continue
		}
		s.skip()
	}
	return completed && s.finish() == nil
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
