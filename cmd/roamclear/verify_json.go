package main

import (
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// verifyJSON is a proof as `verify --format json` prints it. What is in proved is
// decided by disagreements and unproven_count alone; the rest says how much was
// walked, and what is no part of the proof.
type verifyJSON struct {
	Proved         bool               `json:"proved"`
	Records        int64              `json:"record_count"`
	TrimmedProven  int64              `json:"trimmed_count"` // of them held against the checkpoint taken before the log was trimmed
	CDRs           int64              `json:"cdr_count"`
	Priced         int64              `json:"priced_count"`
	Rejected       int64              `json:"rejected_count"`
	Credits        int64              `json:"credit_count"`
	Repeats        int64              `json:"repeat_count"`
	Conflicts      int64              `json:"conflict_count"`
	Chosen         int64              `json:"chosen_count"`       // CDRs of which another copy counts than the first, as people decided
	ChosenAhead    int64              `json:"chosen_ahead_count"` // of which that is decided and not carried out yet
	Related        int64              `json:"related_count"`
	Rows           int                `json:"row_count"`
	Ahead          int64              `json:"ahead_count"`
	RelationsAhead int64              `json:"relations_ahead_count"`
	Doubled        int64              `json:"doubled_count"`
	Missing        int64              `json:"missing_count"`
	Expired        int64              `json:"expired_count"`
	Unproven       int64              `json:"unproven_count"`
	Places         int                `json:"place_count"` // pairs and currencies in which each claim has its place
	Closes         int                `json:"close_count"`
	Statements     int                `json:"statement_count"`
	Lines          int64              `json:"line_count"`
	Again          int                `json:"drawn_again_count"`  // statements that came to the same bytes once more
	Editions       clearing.Editions  `json:"editions"`           // of this program
	Otherwise      []otherwiseJSON    `json:"other_editions"`     // that drew what was not drawn again
	Requests       int                `json:"request_count"`      // closes that wait for their approval
	RequestLines   int64              `json:"request_line_count"` // of these, that count nowhere
	Repricings     int                `json:"repricing_count"`    // that were applied
	Repriced       int64              `json:"repriced_count"`     // results that they replaced
	Disagreements  []disagreementJSON `json:"disagreements"`
	Omitted        int64              `json:"omitted_count"` // disagreements that are not listed
}

// otherwiseJSON is what other editions drew: its digests alone were compared.
type otherwiseJSON struct {
	clearing.Editions
	Closes     int   `json:"close_count"`
	Statements int   `json:"statement_count"`
	First      int64 `json:"first_record"` // of the control log
	Last       int64 `json:"last_record"`
}

// disagreementJSON is one thing that does not add up; Offset is null where it is
// not about one record.
type disagreementJSON struct {
	Partition string `json:"partition"` // "" where it is about what was issued or claimed
	Offset    *int64 `json:"offset"`
	What      string `json:"what"`
}

func verifyView(r *settlement.Report, s *statement.Proof, a *settlement.AppliedProof) verifyJSON {
	v := verifyJSON{
		Proved: r.Proved() && len(s.Faults) == 0, Records: r.Records, TrimmedProven: r.TrimmedProven, CDRs: r.CDRs, Priced: r.Priced,
		Rejected: r.Rejected, Credits: r.Credits, Repeats: r.Repeats, Conflicts: r.Conflicts, Chosen: r.Chosen, ChosenAhead: r.ChosenAhead, Related: r.Related,
		Rows: r.Rows, Ahead: r.Ahead, RelationsAhead: r.RelationsAhead, Doubled: r.Doubled, Missing: r.Missing,
		Expired: r.Expired, Unproven: r.Unproven, Places: s.Places, Closes: s.Closes, Statements: s.Statements, Lines: s.Lines, Again: s.Again,
		Editions: clearing.RunningEditions(), Otherwise: []otherwiseJSON{},
		Requests: s.Requests, RequestLines: s.RequestLines,
		Repricings: a.Runs, Repriced: a.CDRs, Disagreements: []disagreementJSON{}, Omitted: r.Omitted + int64(s.More),
	}
	for i := range s.Otherwise {
		v.Otherwise = append(v.Otherwise, otherwiseJSON(s.Otherwise[i]))
	}
	for _, d := range r.Disagreements {
		one := disagreementJSON{Partition: d.Partition.String(), What: d.What}
		if d.Offset >= 0 {
			one.Offset = &d.Offset
		}
		v.Disagreements = append(v.Disagreements, one)
	}
	for _, fault := range s.Faults {
		v.Disagreements = append(v.Disagreements, disagreementJSON{What: fault})
	}
	return v
}
