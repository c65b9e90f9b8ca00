package hub

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
)

// authorization is an AuthorizationInfo on its way to the CPO that asked (OCPI 2.2.1
// mod_tokens, "AuthorizationInfo"), which is of another version perhaps.
type authorization struct {
	x       *exchange
	q       *question
	version ocpi.Version // of who answers
	lost    []convert.Loss
}

// allowedTypes are what an eMSP may say of a Token.
var allowedTypes = []string{allowedToCharge, blockedToCharge, "EXPIRED", "NO_CREDIT", "NOT_ALLOWED"}

// unreadable says that what an eMSP answered is no authorization: it is as if it had
// not answered.
func (i *authorization) unreadable(why string) error {
	return &routeError{ocpi.StatusHubError, fmt.Sprintf("%s answered what cannot be used: %s", i.q.emsp, why), fmt.Errorf("authorization of %s: %s", i.q.emsp, why)}
}

// answered hands on what an eMSP answered. Its authorization_reference stays as it is;
// OCPI 2.1.1 has none, so there we give one. A Token of another party is none of its
// own: whose it is pays.
func (i *authorization) answered(data []byte) (answer, error) {
	o, err := ocpi.SplitObject(data)
	if err != nil {
		return answer{}, i.unreadable(err.Error())
	}
	allowed := ocpi.Fold(o.Text("allowed"))
	if !slices.Contains(allowedTypes, allowed) {
		return answer{}, i.unreadable(fmt.Sprintf("allowed is %.40q", allowed))
	}
	reference, token := o.Text("authorization_reference"), o.Value("token")
	if i.version == ocpi.V211 {
		reference, token = "", ""
		if allowed == allowedToCharge && i.x.route.version != ocpi.V211 {
			reference = i.x.newReference()
		}
	}
	if token != "" {
		if token, err = i.theirs(token); err != nil {
			return answer{}, err
		}
	}
	location := string(i.references([]byte(o.Value("location")), i.version, i.x.route.version, "location"))
	return i.answer(allowed, ingest.ByEMSP, append(ocpi.RawObject{
		ocpi.NewRawMember("token", token), ocpi.NewRawMember("location", location), ocpi.NewRawMember("authorization_reference", quoted(reference)),
	}, others(o)...))
}

// theirs is the Token that an eMSP answered, in the version of who asked.
func (i *authorization) theirs(token string) (string, error) {
	o, err := ocpi.SplitText(token)
	if err != nil {
		return "", i.unreadable("token: " + err.Error())
	}
	if owner := ocpi.NewParty(o.Text("country_code"), o.Text("party_id")); owner != i.q.emsp || ocpi.Fold(o.Text("uid")) != ocpi.Fold(i.q.uid) {
		return "", i.unreadable("its token is another one")
	}
	if i.x.route.version == ocpi.V211 {
		return "", nil // it has no place for it
	}
	return i.converted(i.version, []byte(token))
}

// converted is a Token in the version of who asked.
func (i *authorization) converted(v ocpi.Version, token []byte) (string, error) {
	r, err := i.x.convert(convert.Token, v, token, i.q.emsp, nil)
	if err != nil {
		return "", err
	}
	for _, l := range r.Lost {
		i.lost = append(i.lost, convert.Loss{Path: "token." + l.Path, Reason: l.Reason})
	}
	return string(r.Body), nil
}

// references are LocationReferences in another version: those of Connectors only 2.1.1
// has.
func (i *authorization) references(body []byte, from, to ocpi.Version, path string) []byte {
	o, err := ocpi.SplitObject(body)
	if len(body) == 0 || err != nil || from != ocpi.V211 || to == ocpi.V211 || o.Value("connector_ids") == "" {
		return body
	}
	i.lost = append(i.lost, convert.Loss{Path: path + ".connector_ids", Reason: "OCPI " + to.String() + " has no such member"})
	return slices.DeleteFunc(o, func(m ocpi.RawMember) bool { return m.Name == "connector_ids" }).Bytes()
}

// ours is the answer by what is stored.
func (i *authorization) ours(allowed string) (answer, error) {
	reference := ""
	if allowed == allowedToCharge && i.x.route.version != ocpi.V211 {
		reference = i.x.newReference()
	}
	location := ""
	if allowed == allowedToCharge {
		location = string(i.q.place)
	}
	return i.answer(allowed, ingest.ByStore, ocpi.RawObject{
		ocpi.NewRawMember("token", ""), ocpi.NewRawMember("location", location), ocpi.NewRawMember("authorization_reference", quoted(reference)),
	})
}

// others are the members of an AuthorizationInfo that are handed on as they are.
func others(o ocpi.RawObject) ocpi.RawObject {
	return slices.DeleteFunc(slices.Clone(o), func(m ocpi.RawMember) bool {
		return slices.Contains([]string{"allowed", "token", "location", "authorization_reference"}, m.Name)
	})
}

// answer writes the AuthorizationInfo, once it is noted. What who asked has no words for
// is told as lost; a Token that was not answered is completed.
func (i *authorization) answer(allowed, by string, members ocpi.RawObject) (answer, error) {
	reference, old := members.Text("authorization_reference"), i.x.route.version == ocpi.V211
	if old && reference != "" {
		i.lost = append(i.lost, convert.Loss{Path: "authorization_reference", Reason: "OCPI 2.1.1 has no such member"})
	}
	out := ocpi.RawObject{ocpi.NewRawMember("allowed", quoted(allowed))}
	for _, m := range members {
		if m.Name == "token" && m.Value == "" && !old {
			var err error
			if m.Value, err = i.complete(allowed); err != nil {
				return answer{}, err
			}
		}
		later := m.Name == "token" || m.Name == "authorization_reference"
		if m.Value != "" && m.Value != "null" && m.Value != `""` && (!later || !old) {
			out = append(out, m)
		}
	}
	if err := i.note(allowed, reference, by); err != nil {
		return answer{}, err
	}
	if len(i.lost) > 0 {
		i.x.setHeader(lostHeader, convert.Lost(i.lost))
	}
	return answer{data: out.Bytes()}, nil
}

// complete is the Token where the eMSP did not say it: as it pushed it, else what is
// known of one that it never did.
func (i *authorization) complete(allowed string) (string, error) {
	if i.q.token != nil {
		return i.converted(i.q.state.Version, i.q.state.Body)
	}
	contract := i.q.uid
	if _, ok := ocpi.ParseContractID(contract); !ok {
		contract = notAvailable
	}
	issuer := i.q.emsp.String()
	if p, ok := i.x.destination(i.q.emsp, providers); ok {
		issuer = p.Name
	}
	for _, name := range []string{"contract_id", "issuer", "valid", "whitelist", "last_updated"} {
		i.lost = append(i.lost, convert.Loss{Path: "token." + name, Reason: "it was never pushed"})
	}
	token, err := json.Marshal(madeToken{
		i.q.emsp.Country, i.q.emsp.ID, i.q.uid, i.q.types[0], contract, issuer, allowed == allowedToCharge, whitelistNever, ocpi.TimeOf(i.x.s.Now()).String(),
	})
	return string(token), err
}

// madeToken is a Token that nobody has pushed.
type madeToken struct {
	CountryCode string `json:"country_code"`
	PartyID     string `json:"party_id"`
	UID         string `json:"uid"`
	Type        string `json:"type"`
	ContractID  string `json:"contract_id"`
	Issuer      string `json:"issuer"`
	Valid       bool   `json:"valid"`
	Whitelist   string `json:"whitelist"`
	LastUpdated string `json:"last_updated"`
}

// notAvailable stands for a required string that cannot be known (OCPI 2.2.1
// transport_and_format, "No data available").
const notAvailable = "#NA"

// note keeps what was answered, durably: the CDR of the charge is held against it.
func (i *authorization) note(allowed, reference, by string) error {
	if i.x.s.Notes == nil {
		return nil
	}
	q := i.q
	a := ingest.Authorization{Reference: reference, Allowed: allowed, EMSP: q.emsp.String(), UID: q.uid, By: by, At: ocpi.TimeOf(i.x.s.Now()).String()}
	kind := q.types[0]
	if q.token != nil {
		a.UID, a.Contract, kind = strings.Clone(q.token.UID), strings.Clone(q.token.ContractID), q.state.Variant
	}
	if o, err := ocpi.SplitObject(q.place); err == nil {
		a.Location = strings.Clone(o.Text("location_id"))
	}
	n, err := a.Annotation(q.cpo, kind, i.x.route.version, i.x.partner.ID)
	if err != nil {
		return err
	}
	ctx, cancel := i.x.limited()
	defer cancel()
	return i.x.s.Notes.Annotate(ctx, n)
}

// newReference is a reference of ours to an authorization.
func (x *exchange) newReference() string {
	return ulid.MustNew(ulid.Timestamp(x.s.Now()), rand.Reader).String()
}

// quoted is a text as JSON.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // a string can always be written
	}
	return string(b)
}
