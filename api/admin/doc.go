// Package admin is the operator's side of the HTTP interface, under /admin/v1:
// partners, API keys, agreements and periods. Its contract is in package rest's
// openapi.yaml.
//
// A POST may carry an Idempotency-Key: repeated, it takes effect once (the
// repeat answers 409, since the token was handed out before). A change of a
// partner may carry If-Match with the version it expects.
package admin
