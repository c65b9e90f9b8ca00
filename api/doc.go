// Package api holds what all of roamclear's HTTP interfaces share: one table
// of errors, request ids, bounds on bodies and concurrency, health, metrics,
// and the admin interface. What partners see is in api/hub, what finance
// sees in api/report and api/page.
//
// It must never send the text of an error that it cannot classify, never
// start work beyond its bounds, and never log a request that went well.
package api
