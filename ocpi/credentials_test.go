package ocpi

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The examples of OCPI's own text, and what partners send instead.
func TestDecodeCredentials(t *testing.T) {
	cpo := CredentialsRole{Role: "CPO", Party: NewParty("NL", "EXA"), Name: "Example Operator"}
	flat := CredentialsRole{Party: NewParty("NL", "EXA"), Name: "Example Operator", Site: "http://example.com"}
	const token, at = "ebf3b399-779f-4497-9b9d-ac6ad3cc44d2", "https://example.com/ocpi/versions/"
	tests := []struct {
		name     string
		version  Version
		body     string
		want     Credentials
		findings string // codes
	}{
		{"2.1.1", V211, `{"url":"` + at + `","token":"` + token + `","party_id":"EXA","country_code":"NL","business_details":{"name":"Example Operator","logo":{"url":"https://example.com/img/logo.jpg","category":"OPERATOR","type":"jpeg","width":512,"height":512},"website":"http://example.com"}}`,
			Credentials{Token: token, URL: at, Roles: []CredentialsRole{flat}}, ""},
		{"2.2.1", V221, `{"token":"` + token + `","url":"` + at + `","roles":[{"role":"CPO","party_id":"EXA","country_code":"NL","business_details":{"name":"Example Operator"}}]}`,
			Credentials{Token: token, URL: at, Roles: []CredentialsRole{cpo}}, ""},
		{"2.3.0 of a hub", V230, `{"token":"` + token + `","url":"` + at + `","hub_party_id":"NLHUB","roles":[{"role":"CPO","party_id":"EXA","country_code":"NL","business_details":{"name":"Example Operator"}}]}`,
			Credentials{Token: token, URL: at, Hub: NewParty("NL", "HUB"), Roles: []CredentialsRole{cpo}}, ""},
		{"flat where roles are due", V221, `{"token":"` + token + `","url":"` + at + `","party_id":"EXA","country_code":"NL","business_details":{"name":"Example Operator","website":"http://example.com"}}`,
			Credentials{Token: token, URL: at, Roles: []CredentialsRole{flat}}, ""},
		{"roles where one party is due", V211, `{"token":"` + token + `","url":"` + at + `","roles":[{"role":"CPO","party_id":"EXA","country_code":"NL","business_details":{"name":"Example Operator"}}]}`,
			Credentials{Token: token, URL: at, Roles: []CredentialsRole{cpo}}, ""},
		{"2.1.1 without business details", V211, `{"token":"` + token + `","url":"` + at + `","party_id":"EXA","country_code":"NL"}`,
			Credentials{Token: token, URL: at, Roles: []CredentialsRole{{Party: NewParty("NL", "EXA")}}}, "missing_field"},
		{"case, one role that is no list, null, no business details", V221, `{"token":"` + token + `","url":"` + at + `","hub_party_id":null,"roles":{"role":"cpo","party_id":"exa","country_code":"nl","business_details":null},"more":[1]}`,
			Credentials{Token: token, URL: at, Roles: []CredentialsRole{{Role: "CPO", Party: NewParty("NL", "EXA")}}}, "wrong_type enum_case missing_field"},
		{"a role that OCPI does not know, and one of nobody", V230, `{"token":"` + token + `","url":"` + at + `","hub_party_id":"H","roles":[{"role":"PTP","party_id":"EXA","country_code":"NL","business_details":{"name":"Example Operator"}},{"role":"CPO","party_id":"EXAMPLE","country_code":"NL","business_details":{"name":"X"}}]}`,
			Credentials{Token: token, URL: at, Roles: []CredentialsRole{{Role: "PTP", Party: NewParty("NL", "EXA"), Name: "Example Operator"}}}, "odd_hub_party unknown_enum unreadable_member"},
		{"a role twice, in another case and under another name", V221, `{"token":"` + token + `","url":"` + at + `","roles":[{"role":"CPO","party_id":"EXA","country_code":"NL","business_details":{"name":"Example Operator"}},{"role":"CPO","party_id":"exa","country_code":"NL","business_details":{"name":"Other"}}]}`,
			Credentials{Token: token, URL: at, Roles: []CredentialsRole{cpo}}, "repeated_role"},
		{"a token that is long, or a number", V221, `{"token":` + strings.Repeat("1", 70) + `,"url":"` + at + `","roles":[{"role":"CPO","party_id":"EXA","country_code":"NL","business_details":{"name":"Example Operator"}}]}`,
			Credentials{Token: strings.Repeat("1", 70), URL: at, Roles: []CredentialsRole{cpo}}, "wrong_type too_long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d Decoder
			got, err := d.Credentials(tt.version, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			var codes []string
			for _, f := range got.Findings {
				codes = append(codes, f.Code)
			}
			got.Findings = nil
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Error(diff)
			}
			if s := strings.Join(codes, " "); s != tt.findings {
				t.Errorf("findings %q, want %q", s, tt.findings)
			}
		})
	}
}

func TestCredentialsThatNobodyCanBeCalledWith(t *testing.T) {
	const role = `"roles":[{"role":"CPO","party_id":"EXA","country_code":"NL","business_details":{"name":"X"}}]`
	tests := map[string]string{
		`{}`: "token: missing; url: missing; roles: want one role at least, with country_code and party_id",
		`[]`: "$: want an object, got an array",
		`{"token":"a b","url":"https://example.com",` + role + `}`:                              "token: want 1 to 64 printable characters of ASCII, no white space",
		`{"token":"","url":"https://example.com",` + role + `}`:                                 "token: want 1 to 64 printable characters of ASCII, no white space",
		`{"token":{},"url":"https://example.com",` + role + `}`:                                 "token: want a string, got an object",
		`{"token":"` + strings.Repeat("x", 256) + `","url":"https://example.com",` + role + `}`: "token: want 1 to 64 printable characters of ASCII, no white space",
		`{"token":"t0ken","url":"ftp://example.com",` + role + `}`:                              "url: want the absolute URL of the versions endpoint, such as https://example.com/ocpi/versions",
		`{"token":"t0ken","url":"/ocpi/versions",` + role + `}`:                                 "url: want the absolute URL of the versions endpoint, such as https://example.com/ocpi/versions",
		`{"token":"t0ken","url":"https://example.com","roles":[]}`:                              "roles: want one role at least, with country_code and party_id",
		`{"token":"t0ken","url":"https://example.com","roles":[{"role":"CPO"}]}`:                "roles: want one role at least, with country_code and party_id",
	}
	for body, want := range tests {
		var d Decoder
		_, err := d.Credentials(V221, []byte(body))
		if _, ok := errors.AsType[*Invalid](err); !ok || err.Error() != want {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
	var d Decoder
	if _, err := d.Credentials(V221, []byte(`{"token":`)); err == nil {
		t.Error("what is no JSON is taken")
	} else if _, ok := errors.AsType[*SyntaxError](err); !ok {
		t.Errorf("what is no JSON: %v", err)
	}
}

// What we write is what each version has, member for member.
func TestEncodeCredentials(t *testing.T) {
	c := Credentials{Token: "t0ken", URL: "https://roam.example/ocpi/versions", Hub: NewParty("ZZ", "RCH"), Roles: []CredentialsRole{
		{Role: "HUB", Party: NewParty("ZZ", "RCH"), Name: "roamclear", Site: "https://roam.example"},
		{Role: "CPO", Party: NewParty("NL", "TNM"), Name: "TNM"},
	}}
	const start = `{"token":"t0ken","url":"https://roam.example/ocpi/versions"`
	const roles = `"roles":[{"role":"HUB","business_details":{"name":"roamclear","website":"https://roam.example"},"party_id":"RCH","country_code":"ZZ"},{"role":"CPO","business_details":{"name":"TNM"},"party_id":"TNM","country_code":"NL"}]}`
	for v, want := range map[Version]string{
		V211: start + `,"business_details":{"name":"roamclear","website":"https://roam.example"},"party_id":"RCH","country_code":"ZZ"}`,
		V221: start + `,` + roles,
		V230: start + `,"hub_party_id":"ZZRCH",` + roles,
	} {
		got, err := c.Encode(v)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", v, got, err, want)
		}
		var d Decoder
		back, err := d.Credentials(v, got)
		if err != nil || len(back.Findings) > 0 || back.Token != c.Token || (back.Hub == c.Hub) != (v == V230) {
			t.Errorf("%s: read back as %+v, %v", v, back, err)
		}
	}
	if _, err := (&Credentials{Token: "t0ken"}).Encode(V221); err == nil {
		t.Error("credentials of nobody are written")
	}
}
