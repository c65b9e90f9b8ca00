// Package messages is the log of what was exchanged with partners: each request they sent
// us and we sent them, with its answer, by what it can be found, and where the log holds its
// body. It is kept beside the road of a push and never waited for: who is answered is
// answered whether or not it can be kept, and what could not be kept is counted. So it
// proves nothing, and no figure rests on it; what was acknowledged is in the log itself.
//
// In comes a [Message] from whoever answered or called ([Log.Offer]); out go batches to a
// [Store]. Secrets never come this far: see [Mask] and [Path].
package messages
