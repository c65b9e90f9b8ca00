// Package partner is our side where we knock: what we ask of partners over
// OCPI. What comes in are a partner's URLs and token; what goes out are the
// answers, read as far as they can be read, and what was pulled, handed to an
// [Intake] like a push of that partner.
//
// A URL comes from a partner, so it is not trusted: a [Dialer] calls https
// only, no address of this machine or its network, decided when it connects
// and not when a name is looked up ([Policy]), follows no redirect, and bounds
// each answer in bytes and time. Requests to one partner wait for each other,
// never for those to another.
//
// It must never show a token, in an error or a log line, and never send one to
// another origin than the partner's: of what a partner's lists link to only path
// and query are used.
package partner
