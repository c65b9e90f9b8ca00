package hub

import (
	"context"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// What a driver prefers goes to the CPO of a Session of the eMSP's, which answers; a
// Session of another's does not exist, whoever has it.
func TestChargingPreferencesGoToTheCPO(t *testing.T) {
	for _, cpo := range versions {
		e := newExchange(t, cpo, ocpi.V221)
		second := e.register(t, ocpi.V221, "CPO BE SEC")
		for _, s := range []struct{ token, owner, other, id string }{
			{second, "BE/SEC", "NL/EXW", "S2"}, {second, "BE/SEC", "NL/EXW", "S3"}, {second, "BE/SEC", "DE/TNM", "S4"}, {belToken, "FR/BEL", "NL/EXW", "S5"},
		} {
			e.do(t, s.token, "PUT", "/2.2.1/receiver/sessions/"+s.owner+"/"+s.id, thing{"sessions", s.owner, s.other, s.id}.in(ocpi.V221))
		}
		for _, id := range []string{"S1", "S3"} {
			e.do(t, e.cpo, "PUT", "/2.2.1/receiver/sessions/GB/DUN/"+id, thing{"sessions", "GB/DUN", "NL/EXW", id}.in(ocpi.V221))
		}
		ours := map[bool]int{true: 4003, false: 1000}[cpo == ocpi.V211]
		for name, c := range map[string]struct {
			token, id, body, to string
			http, code          int
			asked               string
		}{
			"its own":                    {e.emsp, "S1", "", "", 200, ours, "GB*DUN"},
			"of whom it is for":          {e.emsp, "S3", "", "BE/SEC", 200, 1000, "BE*SEC"},
			"in small letters":           {e.emsp, "s2", "", "", 200, 1000, "BE*SEC"},
			"of two":                     {e.emsp, "S3", "", "", 200, 2001, ""},
			"of another eMSP":            {e.emsp, "S4", "", "", 404, 2000, ""},
			"of another eMSP, for its":   {e.emsp, "S4", "", "BE/SEC", 404, 2000, ""},
			"of a CPO that it is not of": {e.emsp, "S1", "", "BE/SEC", 404, 2000, ""},
			"by its eMSP":                {e.tnm, "S4", "", "", 200, 1000, "BE*SEC"},
			"of who is not reached":      {e.emsp, "S5", "", "", 200, 4003, ""},
			"of nobody":                  {e.emsp, "S9", "", "", 404, 2000, ""},
			"by a CPO":                   {second, "S2", "", "", 404, 2000, ""},
			"nothing":                    {e.emsp, "S2", "{}", "", 200, 2001, ""},
			"no object":                  {e.emsp, "S2", "[]", "", 200, 2001, ""},
			"no JSON":                    {e.emsp, "S2", "{", "", 400, 2001, ""},
		} {
			e.post.answer, e.post.sent = says(`"NOT_POSSIBLE"`), nil
			body := c.body
			if body == "" {
				body = `{"profile_type":"FAST","x":1}`
			}
			country, id, _ := strings.Cut(c.to, "/")
			w, got := e.ask(t, c.token, "PUT", "/2.2.1/sender/sessions/"+c.id+"/charging_preferences", body, "OCPI-to-country-code", country, "OCPI-to-party-id", id)
			asked := ""
			if len(e.post.sent) > 0 {
				r := e.post.sent[0]
				asked = r.For.String()
				if r.Method != "PUT" || r.Module != "sessions" || r.Side != ocpi.RoleSender || strings.Join(r.Path, "/") != strings.ToUpper(c.id)+"/charging_preferences" || string(r.Body) != body {
					t.Errorf("%s: sent %+v", name, r)
				}
			}
			if ours != 1000 && c.asked == "GB*DUN" {
				c.asked = "" // OCPI 2.1.1 knows no preferences
			}
			if w.Code != c.http || got.StatusCode != c.code || asked != c.asked || c.code == 1000 && string(got.Data) != `"NOT_POSSIBLE"` {
				t.Errorf("%s, CPO of %s: HTTP %d with %d %q %s, asked %q; want %d with %d %q", name, cpo, w.Code, got.StatusCode, got.StatusMessage, got.Data, asked, c.http, c.code, c.asked)
			}
		}
	}
	e := newExchange(t, ocpi.V221, ocpi.V221)
	e.do(t, e.cpo, "PUT", "/2.2.1/receiver/sessions/GB/DUN/S1", thing{"sessions", "GB/DUN", "NL/EXW", "S1"}.in(ocpi.V221))
	for code, answer := range map[int]int{2001: 2001, 4002: 4002} {
		e.post.answer = refuses(404, ocpi.Status(answer), "")
		if answer == 4002 {
			e.post.answer = breaks(context.DeadlineExceeded)
		}
		if _, got := e.ask(t, e.emsp, "PUT", "/2.2.1/sender/sessions/S1/charging_preferences", `{"profile_type":"FAST"}`); got.StatusCode != code {
			t.Errorf("%d becomes %d", answer, got.StatusCode)
		}
	}
	e.post.answer, e.desk.preferred = says(`"ACCEPTED"`), nil
	e.ask(t, e.emsp, "PUT", "/2.2.1/sender/sessions/S1/charging_preferences", `{"profile_type":"FAST"}`)
	if noted := strings.Join(e.desk.preferred, "; "); !strings.HasPrefix(noted, "GB*DUN*S1 of NL*EXW by ") || !strings.HasSuffix(noted, ": ACCEPTED") {
		t.Errorf("noted with the charge: %q", noted)
	}
	if n := e.refused(t); n > 0 {
		t.Errorf("%d bodies are kept", n)
	}
}

// What questions are answered with is as the documents of OCPI have it.
func TestAnswersToQuestionsAreAsDocumented(t *testing.T) {
	d := readOfficialDocuments(t)
	for _, v := range later {
		l := newLobby(t, v, v)
		l.post.answer = says(`{"allowed":"ALLOWED","authorization_reference":"R","info":{"language":"en","text":"Hi"}}`)
		for uid, http := range map[string]int{"NEVER-yes": 200, "ALWAYS-no": 200, "NONE": 404} {
			w := answered(t, l.engine, "POST", Prefix+"/"+v.String()+"/sender/tokens/"+uid+"/authorize", l.cpo, `{"location_id":"L1","evse_uids":["E1"]}`)
			if w.Code != http {
				t.Errorf("%s: HTTP %d", uid, w.Code)
			}
			d.check(t, v.String(), "POST", "/"+v.String()+"/sender/tokens/:country/authorize", w)
		}
		e := newExchange(t, v, v)
		e.do(t, e.cpo, "PUT", "/"+v.String()+"/receiver/sessions/GB/DUN/S1", thing{"sessions", "GB/DUN", "NL/EXW", "S1"}.in(v))
		e.post.answer = says(`"ACCEPTED"`)
		for _, id := range []string{"S1", "S2"} {
			d.check(t, v.String(), "PUT", "/"+v.String()+"/sender/sessions/:country/charging_preferences",
				answered(t, e.engine, "PUT", Prefix+"/"+v.String()+"/sender/sessions/"+id+"/charging_preferences", e.emsp, `{"profile_type":"FAST"}`))
		}
	}
}
