// Package batch prices CDRs from files: one at a time ([Pricer.Price]) or a
// stream of JSON lines, each a CDR with what it is to be priced with ([Run]).
// In comes text, out comes text; nothing is stored and nothing is looked up
// but what the line, the [Defaults] and the CDR itself carry.
//
// A line is
//
//	{"id", "version"?, "time_zone"?, "cdr", "tariffs"?, "reservation_expired"?, "profile"?}
//
// and its answer, in the same order, is
//
//	{"id", "total_cost": {"excl_vat", "incl_vat"}, "total_fixed_cost", "total_energy_cost",
//	 "total_time_cost", "total_parking_cost", "total_reservation_cost",
//	 "taxes": [{"name", "percentage", "amount"}], "claim", "reason"?, "cause"?, "findings", "error"?}
//
// with amounts as decimal strings, null where unknown, under the same names
// for all versions of OCPI. "error" says what is wrong with the line, "reason"
// is the stable code of why a readable CDR has no price. "cause" says why a claim
// differs, unless [Defaults] leave it out:
//
//	{"verdict", "readings": [{"code", "detail", "total_cost"}], "difference", "dimensions", "cut_short"?}
package batch
