// Package asking measures what it costs that others are asked or must be known: a
// real-time authorization that the store answers beside one that its eMSP is asked for,
// the push of a Session that is kept beside one that is passed on, and the same push over
// https from a client with a certificate. Two services run beside each other, one of each
// kind of connection, and each measurement has the others around it.
package asking
