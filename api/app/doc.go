// Package app is the simple calls of /api/v1 for who builds an app: find stations,
// start a charge, follow it. Each caller is one eMSP ([server.caller]): the holder of an
// API key of scope app, or a partner by its OCPI token, and sees through
// control.Partners.Scope what that eMSP may see, as it does over OCPI.
//
// It must never answer with what another eMSP alone may see, never call a station
// found that is not published, and never do more work for one request than its
// bounds allow.
package app
