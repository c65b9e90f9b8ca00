// Package lint reads a Tariff (mod_tariffs of OCPI 2.1.1, 2.2.1 and 2.3.0) as
// a suspicious colleague would: it finds what makes the tariff unpriceable,
// ambiguous or surprising, and renders it as a price list a driver could read.
//
// In comes a tariff's JSON ([Tariff]) or a decoded tariff ([Check]); out come
// findings with a stable code, a severity, a JSON path and one sentence that
// says what it means for the price and how to mend it. Serious: the tariff
// cannot be priced, or bills something its author can hardly have meant.
// Warning: readers will differ. Info: worth a look.
//
// What can be seen only in the text (quotes, spelling, null) is checked on
// the text, one file a concern: text.go, spelling.go. What follows from the
// meaning is checked on the decoded tariff: component.go, tax.go,
// restriction.go, limit.go, reservation.go. In what two versions differ, change by
// change, is in change.go. Unreachable elements, overlaps and
// gaps are found exactly, by set arithmetic on minutes of the week × dates ×
// kWh × duration × current × power: space.go, cover.go.
//
// The package is pure: no clock, no I/O. It never changes a price.
package lint
