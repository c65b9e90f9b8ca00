// Package peer is a small, honest OCPI party to test a hub with: a CPO or an
// eMSP of one version, with a few objects of its own. It registers from either
// side, serves its lists with proper paging, takes what it is sent and remembers
// it. On request its lists misbehave in one way ([Fault]).
//
// It is strict where partners are not: a token is taken in the encoding of its
// version alone, so that who tries the other one first finds out.
package peer
