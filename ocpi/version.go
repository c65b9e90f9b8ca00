package ocpi

// Version is an OCPI wire version.
type Version uint8

// The wire versions roamclear speaks. V211 bodies carry no owner: it comes
// from the credentials of the sender.
const (
	V211 Version = iota + 1
	V221
	V230
)

// String returns the version number as it stands in URLs, such as "2.2.1".
func (v Version) String() string {
	switch v {
	case V211:
		return "2.1.1"
	case V221:
		return "2.2.1"
	case V230:
		return "2.3.0"
	}
	return "unknown"
}

// ParseVersion reads a version number as it stands in URLs.
func ParseVersion(s string) (Version, bool) {
	switch s {
	case "2.1.1":
		return V211, true
	case "2.2.1":
		return V221, true
	case "2.3.0":
		return V230, true
	}
	return 0, false
}
