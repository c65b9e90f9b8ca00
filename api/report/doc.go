// Package report is the finance side of the HTTP interface: the settlement
// report, single CDRs and Sessions with their explanation, the lists of CDRs,
// rejects, conflicts and refused bodies, the Tariffs with what is doubtful in
// them, what a charge would cost, and the rules of a clearing, under /api/v1.
//
// In come a [settlement.Reader], the Tariffs, Locations and Sessions as they
// stand, and a way to tell whose API key a request carries; out go JSON and
// CSV. Money, energy and percentages leave as plain decimal strings, exact as
// stored: never rounded here, never a float. A key restricted to a party sees
// what that party is CPO or eMSP of; all else answers as if it did not exist.
//
// openapi.yaml is the contract; a test holds it against what is answered. The
// parsing of query parameters is exported because package page shows the same
// data under the same parameters.
package report
