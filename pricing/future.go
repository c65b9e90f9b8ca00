package pricing

import "github.com/roamclear/roamclear/ocpi"

// clockSkew is how far a partner's clock may be ahead of ours: 15 minutes.
const clockSkew = ocpi.Time(15 * 60 * ocpi.Second)

// appendFuture finds a charge that had not ended, or not even begun, when its
// CDR came: a CDR is of a charge that is over (mod_cdrs). The receipt stands in
// the record, so that the finding follows from the log.
func appendFuture(noted []ocpi.Finding, cdr *ocpi.CDR, received ocpi.Time) []ocpi.Finding {
	path, at, future := futureOf(cdr, received)
	if !future {
		return noted
	}
	return append(noted, ocpi.Finding{Code: "charge_in_the_future", Severity: ocpi.Serious, Path: path,
		Detail: "the charge is said to last until " + at.String() + ", the CDR came at " + received.String() + ": a CDR is of a charge that is over"})
}

// futureOf returns the later end of a charge, where it stands, and whether it was still
// to come.
func futureOf(cdr *ocpi.CDR, received ocpi.Time) (path string, at ocpi.Time, future bool) {
	path, at = "end_date_time", cdr.End
	if cdr.Version == ocpi.V211 {
		path = "stop_date_time"
	}
	if cdr.Start > at {
		path, at = "start_date_time", cdr.Start
	}
	return path, at, received.IsSet() && at > received+clockSkew
}
