package ocpi

// DetectCDRVersion tells from a CDR's members which wire version it is
// written in, for files that come without their endpoint. ok is false when
// nothing in it says so, or when it is not a JSON object.
func DetectCDRVersion(raw []byte) (v Version, ok bool) {
	return detect(raw, func(s *scanner, o *object) Version {
		switch o.name {
		case "stop_date_time", "auth_id":
			s.skip()
			return V211
		case "total_cost":
			return s.priceVersion()
		}
		s.skip()
		return 0
	}, 0)
}

// DetectTariffVersion is DetectCDRVersion for a Tariff. One that has an owner
// and nothing of 2.3.0 is taken for 2.2.1.
func DetectTariffVersion(raw []byte) (v Version, ok bool) {
	owned := false
	v, ok = detect(raw, func(s *scanner, o *object) Version {
		switch o.name {
		case "tax_included":
			s.skip()
			return V230
		case "min_price", "max_price":
			if s.priceVersion() == V230 {
				return V230
			}
			return 0
		case "country_code":
			owned = true
		}
		s.skip()
		return 0
	}, V211)
	if v == V211 && owned {
		v = V221
	}
	return v, ok
}

// detect asks about each member of a body until one tells the version;
// otherwise is the version when none does.
func detect(raw []byte, member func(*scanner, *object) Version, otherwise Version) (Version, bool) {
	var s scanner
	s.begin(raw)
	if s.peek() != '{' {
		return 0, false
	}
	v := Version(0)
	o := s.open()
	for s.next(&o) {
		if told := member(&s, &o); v == 0 {
			v = told
		}
	}
	s.close(&o)
	if s.finish() != nil {
		return 0, false
	}
	if v == 0 {
		v = otherwise
	}
	return v, v != 0
}

// priceVersion reads a price and tells by the names of its amounts which
// version it is from. A bare number is 2.1.1's.
func (s *scanner) priceVersion() (v Version) {
	switch c := s.peek(); {
	case c == '-' || c-'0' <= 9:
		v = V211
		s.skip()
		return v
	case c != '{':
		s.skip()
		return 0
	}
	o := s.open()
	for s.next(&o) {
		switch o.name {
		case "before_taxes":
			v = V230
		case "excl_vat":
			v = V221
		}
		s.skip()
	}
	s.close(&o)
	return v
}
