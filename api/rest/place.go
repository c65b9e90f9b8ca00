package rest

import (
	"encoding/json"
	"strings"
)

// Place is what a CDR tells people of where it was, beside what is decoded of it.
type Place struct {
	Name       string `json:"name"`
	Address    string `json:"address"`
	PostalCode string `json:"postal_code"`
	City       string `json:"city"`
	Country    string `json:"country"`
}

// PlaceOf reads where a charge was from the body of its CDR. What is not a text is left
// out: it is for people alone.
func PlaceOf(raw []byte) (p Place) {
	var body struct {
		Place  json.RawMessage `json:"cdr_location"`
		OfV211 json.RawMessage `json:"location"`
	}
	_ = json.Unmarshal(raw, &body) // stored bodies are JSON; whatever it cannot hold stays absent
	if body.Place == nil {
		body.Place = body.OfV211
	}
	_ = json.Unmarshal(body.Place, &p)
	return p
}

// String is the place in one line: "Greenmarket, Main Street 1, 1234 AB Town, NLD".
func (p Place) String() string {
	return Joined(", ", p.Name, p.Address, Joined(" ", p.PostalCode, p.City), p.Country)
}

// Joined joins what is not "".
func Joined(by string, texts ...string) string {
	var known []string
	for _, t := range texts {
		if t != "" {
			known = append(known, t)
		}
	}
	return strings.Join(known, by)
}
