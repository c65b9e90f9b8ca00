package ocpi

// Token reads a Token object (mod_tokens).
func (d *Decoder) Token(v Version, raw []byte) (*Token, error) {
	d.start(v, raw)
	d.token = Token{Version: v}
	t := &d.token
	if d.isBody() {
		o := d.open()
		for d.next(&o) {
			d.tokenMember(t, &o)
		}
		d.tokenComplete(t, &o)
		d.close(&o)
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	t.Findings = d.findings
	return t, nil
}

func (d *Decoder) tokenMember(t *Token, o *object) {
	contract := "contract_id"
	if d.version == V211 {
		contract = "auth_id"
	}
	switch {
	case o.name == contract:
		t.ContractID = d.identify(o.name, 36)
	case o.name == "country_code" && d.version != V211:
		t.CountryCode = d.country(o.name, true)
	case o.name == "party_id" && d.version != V211:
		t.PartyID = d.party(o.name, true)
	case o.name == "uid":
		t.UID = d.identity(o.name, 36)
	case o.name == "type":
		t.Type = d.required(o.name, tokenTypes) // part of the identity: see ingest.Target
	case o.name == "issuer":
		t.Issuer = d.describe(o.name, 64)
	case o.name == "valid":
		t.Valid = d.boolean(o.name)
	case o.name == "whitelist":
		t.Whitelist = d.required(o.name, whitelistTypes)
	case o.name == "last_updated":
		t.LastUpdated = d.instant(o.name)
	default:
		d.skip()
	}
}

func (d *Decoder) tokenComplete(t *Token, o *object) {
	contract := "contract_id"
	if d.version == V211 {
		contract = "auth_id"
	}
	d.need(o, t.UID != "", "uid")
	d.need(o, t.Type != "", "type")
	d.expect(o, t.ContractID != "", contract)
	d.expect(o, t.Issuer != "", "issuer")
	d.expect(o, t.Valid, "valid")
	d.expect(o, t.Whitelist != "", "whitelist")
	d.expect(o, t.LastUpdated.IsSet(), "last_updated")
	if d.version != V211 {
		d.need(o, t.CountryCode != "", "country_code")
		d.need(o, t.PartyID != "", "party_id")
	}
}
