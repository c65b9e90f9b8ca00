// Package command is the road of a command: an eMSP, or an app, asks a CPO for
// something; we ask the CPO, and bring what comes of it back.
//
// A command is asked for by a record, which is durable before anybody is called. Who
// calls says so by a record first: the first one that says so calls, once, and nobody
// ever again, for a CPO that was called twice might start two charges (OCPI knows no
// retries). What the CPO answers, and what it posts to the response_url later, are
// records too; what the first of them say counts ([objects.Commands]). The owner of a
// command's partition ([Desk.Run]) sees to what is left over: it calls where the asking
// process died before it did, brings results to who asked, says what did not come in
// time, finds the Session of a start, and ends charges at their limits.
//
// A response_url is ours, and carries a signature: any process takes a result.
package command
