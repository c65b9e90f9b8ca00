package page

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// maxDecide bounds the form of a decision, bytes.
const maxDecide = 16 << 10

// decideForm decides about what a page shows.
type decideForm struct {
	Action string // where it is sent
	Acts   []actChoice
	Seen   int64 // the control record of the last decision that is shown, 0 where there is none

	Act, Reason string // as sent
	Wrong       string // why it was not done
}

// actChoice is one thing that can be decided.
type actChoice struct {
	Value, Text string // of Value "accept claimed" the second word is the side, of "adopt 1-0-4711" the copy
	Digest      string // of what is shown of it
	Chosen      bool
}

// decides reports whether a visitor may decide about CDRs.
func (s *server) decides(v visitor) bool { return s.Decisions != nil && v.Allows(rest.ScopeDecide) }

// sending is shown for those whose key has a scope, and for forms of this site alone.
func (s *server) sending(scope string, fn func(c *gin.Context, v visitor) error) gin.HandlerFunc {
	return s.shown(func(c *gin.Context, v visitor) error {
		if err := s.crossOrigin.Check(c.Request); err != nil {
			return errCrossOrigin
		}
		if !v.Allows(scope) {
			return rest.MissingScope(scope)
		}
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxDecide)
		if err := c.Request.ParseForm(); err != nil {
			return rest.Invalid("form", "it cannot be read: %v", err)
		}
		return fn(c, v)
	})
}

// sentForm is what a visitor sent.
func sentForm(c *gin.Context) decideForm {
	return decideForm{Act: c.PostForm("act"), Reason: strings.TrimSpace(c.PostForm("reason"))}
}

// request is what was sent, as the API takes it.
func (f *decideForm) request(c *gin.Context) (rest.DecisionRequest, error) {
	act, at, _ := strings.Cut(f.Act, " ")
	switch {
	case act == "":
		return rest.DecisionRequest{}, rest.Invalid("act", "choose what to decide")
	case f.Reason == "":
		return rest.DecisionRequest{}, rest.Invalid("reason", "say why, for who reads of it later")
	}
	r := rest.DecisionRequest{Act: act, At: at, Reason: f.Reason, ExpectDigest: c.PostForm("digest " + act)}
	if act == string(clearing.Adopt) {
		r.At, r.Copy = "", at
	}
	if r.ExpectDigest == "" {
		return r, rest.Invalid("act", "it is not among what the page offered: look again")
	}
	return r, nil
}

// refused takes what can be told about an error of a decision into the form, so that the
// page is shown again; other errors stay.
func (f *decideForm) refused(err error) (status int, other error) {
	e, ok := errors.AsType[*rest.Error](err)
	if !ok {
		e = rest.Classify(err)
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity:
		f.Wrong = e.Message
		return e.Status, nil
	}
	return 0, err
}

// newDecideForm offers what can be decided about one CDR, nil where nothing can.
func newDecideForm(c *rest.Cleared, action string, sent decideForm) *decideForm {
	f := sent
	f.Action = action
	if c.Problem != nil || c.State == clearing.Before {
		return nil
	}
	stands := false
	if n := len(c.Decisions); n > 0 {
		f.Seen, stands = c.Decisions[n-1].Record, c.Decisions[n-1].Act != clearing.Undo
	}
	add := func(value, text string) {
		f.Acts = append(f.Acts, actChoice{value, text, c.Digest, value == f.Act})
	}
	if c.Currency != "" && c.Lands != nil {
		add("accept", "Accept, as agreed ("+string(c.Agreed)+")")
		for _, side := range []struct {
			at     clearing.Owed
			amount *string
		}{{clearing.OwedClaimed, c.Claimed}, {clearing.OwedComputed, c.Computed}} {
			if side.amount != nil {
				add("accept "+string(side.at), fmt.Sprintf("Accept as %s: %s", side.at, moneyWords(*side.amount, c.Currency)))
			}
		}
	}
	add("reject", "Reject: nothing is owed")
	if len(c.Issued) == 0 {
		add("hold", "Take aside: nothing is issued until somebody decides again")
	}
	if stands {
		add("undo", "Undo what was decided: the first copy counts, and rules say what becomes of it")
	}
	return &f
}

// newListForm offers what can be decided about all CDRs of a list, nil where nothing can.
func newListForm(choices []rest.Choice, action string, sent decideForm) *decideForm {
	if len(choices) == 0 && sent.Wrong == "" {
		return nil
	}
	f := sent
	f.Action = action
	for _, c := range choices {
		var sums []string
		for _, t := range c.Totals {
			sums = append(sums, moneyWords(t.Claimed, t.Currency))
		}
		all := "all " + grouped(strconv.Itoa(c.Count))
		if c.Count == 1 {
			all = "the one"
		}
		all += ", claiming " + strings.Join(sums, " and ")
		add := func(value, text string) {
			f.Acts = append(f.Acts, actChoice{value, text + " " + all, c.Digest, value == f.Act})
		}
		switch c.Act {
		case clearing.Accept:
			add("accept", "Accept as agreed")
			add("accept claimed", "Accept as claimed")
			add("accept computed", "Accept as computed")
		case clearing.RejectIt:
			add("reject", "Reject")
		case clearing.HoldIt:
			add("hold", "Take aside")
		case clearing.Undo:
			add("undo", "Undo what was decided of")
		}
	}
	return &f
}

// Digests are what the form carries of what is shown, by act.
func (f *decideForm) Digests() map[string]string {
	of := map[string]string{}
	for _, a := range f.Acts {
		act, _, _ := strings.Cut(a.Value, " ")
		of["digest "+act] = a.Digest
	}
	return of
}

// decideCDR answers POST /cdrs/{country}/{party}/{id}: a decision about one CDR.
func (s *server) decideCDR(c *gin.Context, v visitor) error {
	sent := sentForm(c)
	k, _, err := s.decideOne(c, v, &sent)
	if err != nil {
		status, other := sent.refused(err)
		if other != nil {
			return other
		}
		return s.showCDR(c, v, status, sent)
	}
	c.Redirect(http.StatusSeeOther, report.CDRPath(k)+"#decided")
	return nil
}

// decideOne decides what was sent about the one CDR that the path names.
func (s *server) decideOne(c *gin.Context, v visitor, sent *decideForm) (k ocpi.Key, done *rest.DecisionAnswer, err error) {
	if k, err = rest.PathKey(c); err != nil {
		return k, nil, err
	}
	r, err := sent.request(c)
	if err == nil {
		err = s.unseen(c, sent, k)
	}
	if err != nil {
		return k, nil, err
	}
	r.CDR = k.String()
	done, err = r.Decide(c.Request.Context(), s.Decisions, "", v.Key, decidedBy(v))
	return k, done, err
}

// unseen refuses to decide over a decision that the page did not show.
func (s *server) unseen(c *gin.Context, sent *decideForm, k ocpi.Key) error {
	sent.Seen, _ = strconv.ParseInt(c.PostForm("seen"), 10, 64)
	decided, err := s.Traces.DecisionsOf(c.Request.Context(), k)
	if err != nil || len(decided) == 0 || decided[len(decided)-1].Offset == sent.Seen {
		return err
	}
	return &rest.Error{Status: http.StatusConflict, Code: "conflict", Message: "somebody decided about it since the page was shown: see what stands now, and send it again if it is still right"}
}

// decidedBy is who decides.
func decidedBy(v visitor) string {
	if v.ID == "" {
		return clearing.ByLocal
	}
	return v.ID
}

// decideWaiting answers POST /queue/cdrs: a decision about all CDRs of a list.
func (s *server) decideWaiting(c *gin.Context, v visitor) error {
	q := onlyGiven(c)
	sent := sentForm(c)
	r, err := sent.request(c)
	if err == nil {
		r.Ground, r.CPO, r.EMSP, r.Period, r.Currency = q.Get("ground"), q.Get("cpo"), q.Get("emsp"), q.Get("period"), q.Get("currency")
		var done *rest.DecisionAnswer
		if done, err = r.Decide(c.Request.Context(), s.Decisions, "", v.Key, decidedBy(v)); err == nil {
			s.tell(c, decidedText(done.Count))
			c.Redirect(http.StatusSeeOther, address("/queue/cdrs", q))
			return nil
		}
	}
	status, other := sent.refused(err)
	if other != nil {
		return other
	}
	return s.showWaiting(c, v, status, sent)
}

// decidedText says how many CDRs were decided about.
func decidedText(n int) string {
	if n == 1 {
		return "It is decided about one CDR."
	}
	return "It is decided about " + grouped(strconv.Itoa(n)) + " CDRs."
}
