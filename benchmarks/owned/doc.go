// Package owned measures what partners' Tokens, Locations, Tariffs and Sessions
// cost a service that has very many of them: how fast they are pushed and read,
// how long it takes to start, how much memory that takes, and whether a CDR gets
// the version of a tariff that was in force when its charge began among ten
// million.
//
// What the service is to have already is written into its store by INSERT …
// SELECT while it is stopped in between: pushing it would take hours.
package owned
