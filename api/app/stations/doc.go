// Package stations knows where charging stations are: an index in memory of all
// Locations by their position and by their owner and id, with what of their EVSEs and
// connectors a search asks for, in a few bytes each. It observes the fold of Locations
// (objects.Observer) and keeps no bodies: who searches reads those of what is found.
//
// It must never find a Location that a caller may not see, nor miss one that fits: what
// it cannot decide without the body (a text, opening hours, who a Location that is not
// published may be shown to) it leaves to the caller.
package stations
