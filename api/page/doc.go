// Package page is what finance people look at: the settlement table, the CDRs
// behind each row, one CDR with the partner's claim beside our result and its
// explanation, rejects by reason, conflicts and refused bodies, tariffs with
// what is doubtful in them, and what a charge would cost, as a picture of how
// its price builds up. It is HTML made on the server, with one style sheet and
// nothing from elsewhere. The page of a charge alone has a script, which brings it up
// to date, and does without where none runs.
//
// It shows what package report answers, under the same query parameters, and
// adds one of its own: vat, "excl" (the default) or "incl". Sums of figures on
// a page are exact: nothing is rounded for display.
//
// A visitor signs in with an API key once; the browser keeps it in a cookie
// that scripts and other sites cannot use. See [Deps.Open] for the one case
// in which no key is asked for.
package page
