package ocpi

// Decoder reads OCPI bodies into the canonical model in one pass. It owns an
// arena that every call reuses: what a call returns, and every string and
// slice in it, is valid until the next call on the same Decoder and only as
// long as the caller leaves the body's bytes alone. Not for concurrent use.
//
// Errors are *SyntaxError (not JSON: HTTP 400) or *Invalid (JSON, but a field
// that is needed to identify, price or settle is missing or wrong: OCPI 2001).
type Decoder struct{}
