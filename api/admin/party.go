package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// PartyRequest is the body of POST /admin/v1/parties: what a party is called on
// statements. A value null, or "", withdraws what was said.
type PartyRequest struct {
	Party  string             `json:"party"` // "NL*TNM" or "NL/TNM"
	From   string             `json:"from"`  // the first period whose statements carry it
	Values map[string]*string `json:"values"`
}

func (s *server) listParties(c *gin.Context) error {
	return rest.PartySettings(c, s.parties, rest.Key{})
}

func (s *server) showParty(c *gin.Context) error {
	party, err := s.namedParty("party", c.Param("country")+"*"+c.Param("party"))
	if err != nil {
		return err
	}
	return rest.NamesOfParty(c, s.parties, party)
}

// setParty answers POST /admin/v1/parties.
func (s *server) setParty(c *gin.Context) error {
	var q PartyRequest
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	n := clearing.NewParty{Values: texts(q.Values), By: clearing.ByLocal}
	var err error
	if n.Party, err = s.namedParty("party", q.Party); err != nil {
		return err
	}
	if n.From, err = monthOf("from", q.From); err != nil {
		return err
	}
	if to := n.Values["addressee"]; to != "" {
		if _, err := s.namedParty("values.addressee", to); err != nil {
			return err
		}
	}
	_, record, err := s.parties.Set(c.Request.Context(), command(c), n)
	if err != nil {
		return wrongValue(err)
	}
	s.logger.Info("party set", "party", n.Party.String(), "from", n.From, "record", record)
	list := rest.PartySettingList{Settings: []rest.PartySetting{}}
	for _, one := range s.parties.Settings(n.Party) {
		if one.Offset == record {
			list.Settings = append(list.Settings, rest.NewPartySetting(&one, rest.Key{}))
		}
	}
	rest.WriteJSON(c, http.StatusCreated, list)
	return nil
}

// namedParty reads a party of which something was said, or that is known.
func (s *server) namedParty(field, text string) (ocpi.Party, error) {
	if p, ok := ocpi.ParseParty(text); ok && s.parties.Known(p) {
		return p, nil
	}
	return rest.KnownParty(s.partners, field, text)
}
