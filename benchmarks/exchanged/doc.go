// Package exchanged measures what it costs that messages of partners are kept: two services
// beside each other take CDRs in turn, one that keeps none and one that keeps all, and at the
// end every message must be there, with its body named.
package exchanged
