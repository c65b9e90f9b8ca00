package ocpi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Credentials reads a Credentials object (OCPI credentials). The shape of either
// kind of version is taken in every version: partners mix them up. Unlike what
// the other methods return, this stays valid. Refused is what we could not call
// anybody with: a token or a URL that is none, and no party at all.
func (d *Decoder) Credentials(v Version, raw []byte) (*Credentials, error) {
	d.start(v, raw)
	c := &Credentials{}
	if d.isBody() {
		d.readCredentials(c)
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	c.Findings = append([]Finding(nil), d.findings...)
	return c, nil
}

func (d *Decoder) readCredentials(c *Credentials) {
	var flat CredentialsRole // of 2.1.1
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "token":
			c.Token = strings.Clone(d.credentialsToken(o.name))
		case "url":
			c.URL = strings.Clone(d.webURL(o.name))
		case "hub_party_id":
			c.Hub = d.hubParty(o.name)
		case "roles":
			c.Roles = d.credentialsRoles(o.name)
		default:
			d.credentialsRoleMember(&flat, &o)
		}
	}
	d.need(&o, c.Token != "", "token")
	d.need(&o, c.URL != "", "url")
	if len(c.Roles) == 0 && flat.known() {
		d.expect(&o, flat.Name != "", "business_details")
		c.Roles = []CredentialsRole{flat}
	}
	if len(c.Roles) == 0 {
		d.needParty()
	}
	d.close(&o)
}

// needParty refuses credentials that name no party.
func (d *Decoder) needParty() {
	if d.version == V211 {
		d.refuse("country_code, party_id", "want the party that sends this")
		return
	}
	d.refuse("roles", "want one role at least, with country_code and party_id")
}

// same reports whether another role is this one, whatever it is called.
func (r *CredentialsRole) same(other CredentialsRole) bool {
	return r.Role == other.Role && r.Party == other.Party
}

func (r *CredentialsRole) known() bool { return r.Party.Country != "" && r.Party.ID != "" }

// credentialsToken reads a token: printable ASCII without white space.
func (d *Decoder) credentialsToken(name string) string {
	s, ok := d.key(name)
	if !ok {
		return ""
	}
	bad := strings.IndexFunc(s, func(r rune) bool { return r < 0x21 || r > 0x7E })
	if s == "" || len(s) > maxTokenRead || bad >= 0 {
		d.refuse(name, "want 1 to "+strconv.Itoa(maxToken)+" printable characters of ASCII, no white space")
		return ""
	}
	d.fits(name, s, maxToken)
	return s
}

// webURL reads an absolute URL of the web.
func (d *Decoder) webURL(name string) string {
	s, ok := d.key(name)
	if !ok {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(s) > maxURLRead {
		d.refuse(name, "want the absolute URL of the versions endpoint, such as https://example.com/ocpi/versions")
		return ""
	}
	d.fits(name, s, 255)
	return s
}

// hubParty reads a hub's party: its country code and its id in one.
func (d *Decoder) hubParty(name string) Party {
	s, ok := d.string(name)
	if !ok {
		return Party{}
	}
	p, ok := ParseParty(s)
	if !ok && len(s) > 2 && len(s) < 5 {
		p, ok = NewParty(s[:2], s[2:]), true
	}
	if !ok {
		d.find("odd_hub_party", Warning, name, "want country code and party id in one, such as NLHUB")
	}
	return Party{strings.Clone(p.Country), strings.Clone(p.ID)}
}

// credentialsRoles reads the roles: each of a party once (2.2.1 credentials,
// "CredentialsRole class").
func (d *Decoder) credentialsRoles(name string) (roles []CredentialsRole) {
	if !d.isArray(name, '{') {
		return nil
	}
	d.enter(name)
	a := d.openArray()
	for d.more(&a) {
		d.at(a.n - 1)
		switch {
		case a.n > maxCredentials:
			d.skip()
		case d.isNull():
			d.nothing()
		default:
			r := d.credentialsRole()
			switch again := slices.ContainsFunc(roles, r.same); {
			case again:
				d.find("repeated_role", Warning, "", "the same role of the same party once more: it counts once")
			case r.known():
				roles = append(roles, r)
			}
		}
	}
	d.leave()
	if a.n > maxCredentials {
		d.tooMany(name, maxCredentials, "roles")
	}
	return roles
}

func (d *Decoder) credentialsRole() (r CredentialsRole) {
	if !d.isObject("") {
		return r
	}
	o := d.open()
	for d.next(&o) {
		if o.name == "role" {
			r.Role = strings.Clone(Fold(d.required(o.name, partyRoles)))
		} else {
			d.credentialsRoleMember(&r, &o)
		}
	}
	d.expect(&o, r.Role != "", "role")
	d.expect(&o, r.Party.Country != "", "country_code")
	d.expect(&o, r.Party.ID != "", "party_id")
	d.expect(&o, r.Name != "", "business_details")
	d.close(&o)
	return r
}

// credentialsRoleMember reads what a role has in every version.
func (d *Decoder) credentialsRoleMember(r *CredentialsRole, o *object) {
	switch o.name {
	case "country_code":
		r.Party.Country = Fold(strings.Clone(d.country(o.name, false)))
	case "party_id":
		r.Party.ID = Fold(strings.Clone(d.party(o.name, false)))
	case "business_details":
		r.Name, r.Site = d.business(o.name)
	default:
		d.skip()
	}
}

func (d *Decoder) business(name string) (called, site string) {
	if !d.isObject(name) {
		return "", ""
	}
	d.enter(name)
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "name":
			called = strings.Clone(d.describe(o.name, 100))
		case "website":
			site = strings.Clone(d.describe(o.name, 255))
		default:
			d.skip()
		}
	}
	d.close(&o)
	d.leave()
	return called, site
}
