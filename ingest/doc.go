// Package ingest accepts a push: it decodes and validates a body, derives its
// identity, appends it to the log and returns only when the log has it
// durably. What comes in is an HTTP body and its sender; what goes out is one
// [Record] in one [Topic], or a clear error that names the field.
//
// It must never answer success before the broker's acknowledgement, never
// change a body, and never drop one whose sender is known.
package ingest
