package page

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// ruleLine is one rule with what each pack says of it, in the order of the packs.
type ruleLine struct {
	*clearing.Rule
	Effects []ruleEffect
}

// ruleEffect is what a pack says of a rule; Values only where they are not the rule's own.
type ruleEffect struct {
	Pack   string
	Effect string
	Class  string // of its tag
	Values []clearing.ParamValue
}

type rulesView struct {
	frame
	Packs      []clearing.Pack
	Rules      []ruleLine
	Structural []clearing.Rule
}

// effectClasses say how an effect looks.
var effectClasses = map[clearing.Effect]string{clearing.Zero: "warn", clearing.Hold: "warn", clearing.Reject: "bad"}

// rules answers GET /rules.
func (s *server) rules(c *gin.Context, v visitor) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	view := rulesView{frame: frame{Title: "Rules", Here: "Rules", Visitor: &v}, Packs: clearing.Packs()}
	list, at := clearing.Rules(), 0
	for i := range list {
		if list[i].Structural {
			view.Structural = append(view.Structural, list[i])
			continue
		}
		line := ruleLine{Rule: &list[i]}
		for j := range view.Packs {
			line.Effects = append(line.Effects, newRuleEffect(view.Packs[j].Name, &view.Packs[j].Rules[at], &list[i]))
		}
		view.Rules = append(view.Rules, line)
		at++
	}
	s.render(c, http.StatusOK, "rules", view)
	return nil
}

func newRuleEffect(pack string, p *clearing.PackRule, r *clearing.Rule) ruleEffect {
	e := ruleEffect{Pack: pack, Effect: p.Effect.String(), Class: effectClasses[p.Effect]}
	for i, value := range p.Values {
		if value.Value != r.Params[i].Default {
			e.Values = append(e.Values, value)
		}
	}
	return e
}
