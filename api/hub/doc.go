// Package hub is what partners see: OCPI over HTTP, as a hub serves it
// (Receiver towards the owner of an object, Sender towards its reader). What
// comes in are pushes, handed to an [Intake]; what goes out are the raw bodies
// of objects, spliced into OCPI's envelope as they were sent.
//
// It must never answer success before the Intake has, never show a partner
// anything of another's, and never write a body anew.
//
// One table of [modules] says what there is, whom it is for, and which version has
// it; an [edition] is what of it one OCPI version serves, and where. Errors follow
// one rule (OCPI 2.2.1 status_codes): behind a
// parsed body of a known sender they are HTTP 200 with an OCPI code. Two
// decisions where the specification is open:
//   - What belongs to others answers 404 wherever the URL names its owner, as
//     if it did not exist. A CDR is posted to a URL without an owner, so one
//     of another party is answered 200 with 2001, naming the two members:
//     nothing about the other party shows in it. So is a sender whose
//     OCPI-from headers name a party that is not its own, about its own objects.
//   - 503 with Retry-After is kept for overload, for a store that has not
//     caught up, and for an outcome that is unknown; a repeat is harmless.
//     429 with Retry-After is for who registers or changes its registration more
//     often than it may.
package hub
