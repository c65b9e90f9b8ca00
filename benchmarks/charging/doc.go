// Package charging measures what running charges cost a service that has very many of
// them: starts that apps ask for, the Sessions that the CPO pushes, and the look at one
// charge, beside each other; and the processor time of such a look by how many charges
// are stored.
//
// Every charge is one that was started: an app's POST, a START_SESSION to the CPO, its
// response, its result and its first Session. The CPO is a peer in this process.
package charging
