package page

import (
	"cmp"
	"math"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// maxHistory bounds the settings of a history that are shown, the latest.
const maxHistory = 200

// termLine is one of the terms, and who said so.
type termLine struct {
	Key, Value string
	Absent     bool   // Value says what holds where nothing is said
	Says       string // what the key means
	By         string // whose word it is: "built in", or a scope
	ByURL      string // its own page, where the visitor may see it
	From       string // "" of what is built in
	Decided    ocpi.Time
	Who        string
}

// historyLine is one setting as it was set.
type historyLine struct {
	Scope, Key, Value, From string
	Decided                 ocpi.Time
	Who                     string
	Replaced                bool
}

// partyLine is what one side is called on statements.
type partyLine struct {
	Side, Party string
	clearing.Names
	Addressee string // who gets its statements where that is another one
}

type agreementView struct {
	frame
	CPO, EMSP, At string
	Scope         clearing.Scope
	Whose         string
	Closed, Open  string // the last closed period of the pair, and the first that is not
	Terms         []termLine
	Set           int // of them by somebody
	Parties       []partyLine
	History       []historyLine
	More          int
	Earlier       string // addresses of the periods before and after
	Later         string
	Command       string
}

// agreement answers GET /agreement: by what a pair settles in a period, and who said so.
func (s *server) agreement(c *gin.Context, v visitor) error {
	q := dropEmpty(c.Request.URL.Query())
	p := rest.NewParams(q, "cpo", "emsp", "at")
	scope, at := clearing.Scope{CPO: p.Party("cpo"), EMSP: p.Party("emsp")}, p.Month("at")
	if err := p.Err(); err != nil {
		return err
	}
	if !rest.MaySee(v.Key, scope) {
		return settlement.ErrNotFound
	}
	if at.IsZero() {
		at = ocpi.TimeOf(s.now()).Month()
	}
	view := agreementView{
		frame: frame{Title: "Agreement", Here: "Settlement", Visitor: &v, Query: q},
		CPO:   p.Text("cpo"), EMSP: p.Text("emsp"), At: at.String(), Scope: scope, Whose: scope.String(),
		Earlier: agreementPage(scope, at.Add(-1)), Later: agreementPage(scope, at.Add(1)),
		Command: agreementCommand(scope, at),
	}
	if closed := s.Clearing.Closes.ClosedThrough(control.Pair(scope)); !closed.IsZero() {
		view.Closed, view.Open = closed.String(), closed.Add(1).String()
		view.Command = agreementCommand(scope, max(at, closed.Add(1)))
	}
	for _, source := range s.Clearing.Agreements.Sources(scope, at, math.MaxInt64) {
		view.Terms = append(view.Terms, newTermLine(&source, v, at))
		if source.Level != clearing.LevelDefault {
			view.Set++
		}
	}
	view.parties(s.Clearing.Parties, v, at)
	view.history(s.Clearing.Agreements.Settings(scope), v)
	s.render(c, http.StatusOK, "agreement", view)
	return nil
}

// agreementPage is the address of what is agreed for a scope and a period.
func agreementPage(scope clearing.Scope, at ocpi.Month) string {
	q := url.Values{"at": {at.String()}}
	for name, party := range map[string]ocpi.Party{"cpo": scope.CPO, "emsp": scope.EMSP} {
		if !party.IsZero() {
			q.Set(name, party.String())
		}
	}
	return address("/agreement", q)
}

// agreementCommand is how something else is agreed.
func agreementCommand(scope clearing.Scope, from ocpi.Month) string {
	command := "roamclear agreement set"
	if !scope.CPO.IsZero() {
		command += " --cpo " + scope.CPO.String()
	}
	if !scope.EMSP.IsZero() {
		command += " --emsp " + scope.EMSP.String()
	}
	return command + " --from " + from.String() + " KEY=VALUE"
}

func newTermLine(s *clearing.Source, v visitor, at ocpi.Month) termLine {
	key, _ := clearing.AgreementKey(s.Key) // what was set there is
	l := termLine{Key: s.Key, Value: s.Value, Says: key.Says, By: "built in"}
	if s.Value == "" {
		l.Value, l.Absent = key.Absent, true
	}
	if s.Level == clearing.LevelDefault {
		return l
	}
	l.By, l.From, l.Decided = s.Scope.String(), s.From.String(), s.At
	if rest.MaySee(v.Key, s.Scope) {
		l.ByURL = agreementPage(s.Scope, at)
	}
	if v.Party.IsZero() {
		l.Who = s.By
	}
	return l
}

// parties adds what the sides are called; of another party than the visitor's nothing is
// told but the id.
func (view *agreementView) parties(d *clearing.Parties, v visitor, at ocpi.Month) {
	for _, side := range []struct {
		name  string
		party ocpi.Party
	}{{"CPO", view.Scope.CPO}, {"eMSP", view.Scope.EMSP}} {
		if side.party.IsZero() || !v.Party.IsZero() && v.Party != side.party {
			continue
		}
		l := partyLine{Side: side.name, Party: side.party.String(), Names: d.Names(side.party, at)}
		if to, _ := d.Addressee(side.party, at, math.MaxInt64); to != side.party {
			l.Addressee = to.String()
		}
		view.Parties = append(view.Parties, l)
	}
}

// history adds what was ever set and bears on the pair, the latest first.
func (view *agreementView) history(list []clearing.Setting, v visitor) {
	list = slices.DeleteFunc(list, func(s clearing.Setting) bool { return !rest.MaySee(v.Key, s.Scope) })
	slices.SortStableFunc(list, func(a, b clearing.Setting) int { return cmp.Compare(b.Offset, a.Offset) })
	if len(list) > maxHistory {
		view.More, list = len(list)-maxHistory, list[:maxHistory]
	}
	for _, s := range list {
		l := historyLine{Scope: s.Scope.String(), Key: s.Key, Value: s.Value, From: s.From.String(), Decided: s.At, Replaced: s.Replaced}
		if v.Party.IsZero() {
			l.Who = s.By
		}
		view.History = append(view.History, l)
	}
}
