// Package api holds what all of roamclear's HTTP interfaces share: the engine,
// kinds of errors, request ids, bounds on bodies and concurrency, health and
// metrics. What partners see is in api/hub, what finance sees in api/report
// and api/page, what operators do in api/admin; the manners of those three are
// in api/rest.
//
// It must never send the text of an error that it cannot classify, never
// start work beyond its bounds, and never log a request that went well.
package api
