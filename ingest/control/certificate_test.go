package control

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest/ingesttest"
	"pgregory.net/rapid"
)

func TestSubjectsAreReadAsProgramsWriteThem(t *testing.T) {
	const want = "C=GB,CN=ocpi.dundee.example,O=Dundee"
	for text, want := range map[string]Subject{
		"CN=ocpi.dundee.example,O=Dundee,C=GB":                   want,
		"C=GB, O=Dundee, CN=ocpi.dundee.example":                 want,
		"subject=C = GB, O = Dundee, CN = ocpi.dundee.example":   want,
		"subject= /C=GB/O=Dundee/CN=ocpi.dundee.example":         want,
		"/C=GB/O=Dundee/CN=ocpi.dundee.example":                  want,
		"  cn = ocpi.dundee.example ; o=Dundee; 2.5.4.6=GB ":     want,
		"oid.2.5.4.3=ocpi.dundee.example+O=Dundee,C=GB":          want,
		`CN="ocpi.dundee.example", O="Dundee",C=GB`:              want,
		"CN=a,O=Dundee, City of,C=GB":                            `C=GB,CN=a,O=Dundee\, City of`,
		`CN=a,O=Dundee\, City of`:                                `CN=a,O=Dundee\, City of`,
		`CN=a,O="Dundee, City of"`:                               `CN=a,O=Dundee\, City of`,
		"/CN=a/O=b/c d/L=e":                                      "CN=a,L=e,O=b/c d",
		`CN=Lu\C4\8Di\C4\87`:                                     "CN=Lučić",
		`CN=\ a\ `:                                               `CN=\ a\ `,
		"CN=a+b":                                                 `CN=a\+b`,
		"emailAddress=a@b.example,CN=x":                          "CN=x,EMAILADDRESS=a@b.example",
		"organizationIdentifier=NTRNL-1,S=Utrecht,1.2.3.4=y,CN=": "1.2.3.4=y,CN=,ORGANIZATIONIDENTIFIER=NTRNL-1,ST=Utrecht",
	} {
		if got, err := ParseSubject(text); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "  ", "subject=", "Dundee", "=x", "C N=x", ",CN=x", strings.Repeat("CN=x,", 33), "CN=" + strings.Repeat("x", 1000), "CN=\xff"} {
		if got, err := ParseSubject(text); err == nil {
			t.Errorf("%q is taken for %q", text, got)
		}
	}
}

// What is read is written so that it is read as the same, and two subjects are never
// written alike; that of a certificate is what its text is read as.
func TestSubjectsAreReadBack(t *testing.T) {
	word := rapid.StringOfN(rapid.RuneFrom([]rune(`ab,;+\"= /#é`)), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		make := func() (Subject, string) {
			cn, o := word.Draw(t, "cn"), word.Draw(t, "o")
			raw, err := asn1.Marshal(pkix.Name{CommonName: cn, Organization: []string{o}}.ToRDNSequence())
			if err != nil {
				t.Fatal(err)
			}
			return SubjectOf(raw), cn + "\x00" + o
		}
		one, is := make()
		if same, err := ParseSubject(string(one)); err != nil || same != one || one.validate() != nil {
			t.Fatalf("%q is read back as %q: %v", one, same, err)
		}
		other, isOther := make()
		if (one == other) != (is == isOther) {
			t.Fatalf("%q and %q are written %q and %q", is, isOther, one, other)
		}
	})
}

func TestFingerprintsAreReadAsProgramsWriteThem(t *testing.T) {
	want := Fingerprint(HashToken("x"))
	hex := want.String()
	colons := strings.ToUpper(hex[:2])
	for i := 2; i < len(hex); i += 2 {
		colons += ":" + strings.ToUpper(hex[i:i+2])
	}
	for _, text := range []string{hex, strings.ToUpper(hex), colons, "sha256 Fingerprint=" + colons, " " + hex + " "} {
		if got, err := ParseFingerprint(text); err != nil || got != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", hex[1:], hex[:40], hex + "00", strings.Replace(hex, hex[:1], "g", 1)} {
		if _, err := ParseFingerprint(text); err == nil || !strings.Contains(err.Error(), "openssl x509") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// admitted is the reason for which a certificate does not do, "" where it does.
func admitted(err error) string {
	if e, ok := errors.AsType[*CertError](err); ok {
		return e.Reason
	}
	return ""
}

func TestWhoseCertificateItIs(t *testing.T) {
	c := start(t, ingesttest.NewLog(1), nil)
	ctx := t.Context()
	p, _, err := c.partners.Add(ctx, "", dundee())
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := c.partners.Add(ctx, "", NewPartner{Name: "PKC", Roles: []Role{NewRole("CPO", "GB", "PKC")}})
	if err != nil {
		t.Fatal(err)
	}
	mine := &Certificate{Fingerprint{1}, "CN=dundee"}
	renewed := &Certificate{Fingerprint{2}, "CN=dundee"}
	theirs := &Certificate{Fingerprint{3}, "CN=pkc"}
	any := &Certificate{Fingerprint{4}, "CN=anybody"}
	want := func(what string, p *Partner, none, own, next, another, unknown string) {
		t.Helper()
		for i, tt := range []struct {
			c    *Certificate
			want string
		}{{nil, none}, {mine, own}, {renewed, next}, {theirs, another}, {any, unknown}} {
			if got := admitted(c.partners.Admits(p, tt.c)); got != tt.want {
				t.Errorf("%s, certificate %d: %q, want %q", what, i, got, tt.want)
			}
		}
	}
	want("nobody has one", p, "", "", "", "", "")
	_, err = c.partners.RequireCertificate(ctx, "", p.ID, 0, true)
	wantRefusal(t, err, RefusedConflict)
	if other, err = c.partners.AddCertificate(ctx, "", other.ID, 0, Pin{Subject: "CN=pkc"}); err != nil {
		t.Fatal(err)
	}
	want("another has one", p, "", "", "", CertAnother, "")
	if p, err = c.partners.AddCertificate(ctx, "", p.ID, 0, Pin{Fingerprint: mine.Fingerprint}); err != nil {
		t.Fatal(err)
	}
	want("it has one", p, "", "", CertUnregistered, CertAnother, CertUnregistered)
	want("its owner has one", other, "", CertAnother, CertUnregistered, "", CertUnregistered)
	if p, err = c.partners.RequireCertificate(ctx, "", p.ID, p.Version, true); err != nil || !p.NeedsCertificate {
		t.Fatal(err)
	}
	want("it must have one", p, CertNone, "", CertUnregistered, CertAnother, CertUnregistered)
	_, err = c.partners.RemoveCertificate(ctx, "", p.ID, 0, Pin{Fingerprint: mine.Fingerprint})
	wantRefusal(t, err, RefusedConflict)
	if p, err = c.partners.AddCertificate(ctx, "", p.ID, 0, Pin{Subject: "CN=dundee"}); err != nil {
		t.Fatal(err)
	}
	if p, err = c.partners.RemoveCertificate(ctx, "", p.ID, 0, Pin{Fingerprint: mine.Fingerprint}); err != nil {
		t.Fatal(err)
	}
	want("by its subject", p, CertNone, "", "", CertAnother, CertUnregistered)

	// One company, two connections, one certificate.
	if p, err = c.partners.AddCertificate(ctx, "", p.ID, 0, Pin{Subject: "CN=pkc"}); err != nil {
		t.Fatal(err)
	}
	want("both have it", p, CertNone, "", "", "", CertUnregistered)
	want("both have it", other, "", CertAnother, CertAnother, "", CertUnregistered)
	if err := c.partners.Remove(ctx, "", p.ID, 0); err != nil {
		t.Fatal(err)
	}
	want("the other is gone", other, "", CertUnregistered, CertUnregistered, "", CertUnregistered)
	for _, wrong := range []Pin{{}, {Fingerprint{1}, "CN=x"}, {Subject: "O=b,CN=a"}} {
		_, err := c.partners.AddCertificate(ctx, "", other.ID, 0, wrong)
		wantRefusal(t, err, RefusedInvalid)
	}
	_, err = c.partners.AddCertificate(ctx, "", other.ID, 0, Pin{Subject: "CN=pkc"})
	wantRefusal(t, err, RefusedConflict)
	_, err = c.partners.RemoveCertificate(ctx, "", other.ID, 0, Pin{Subject: "CN=nobody"})
	wantRefusal(t, err, RefusedUnknown)
}

// How many certificates there are is bounded.
func TestCertificatesAreBounded(t *testing.T) {
	c := start(t, ingesttest.NewLog(1), nil)
	p, _, err := c.partners.Add(t.Context(), "", dundee())
	if err != nil {
		t.Fatal(err)
	}
	k, _, err := c.keys.Add(t.Context(), "", NewKey{Scopes: []string{ScopeHelpdesk}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range MaxPins + 1 {
		_, err := c.partners.AddCertificate(t.Context(), "", p.ID, 0, Pin{Fingerprint: Fingerprint{byte(i + 1)}})
		_, keyErr := c.keys.AddCertificate(t.Context(), "", k.ID, Fingerprint{byte(i + 1)})
		if i < MaxPins && (err != nil || keyErr != nil) {
			t.Fatal(err, keyErr)
		}
		if i == MaxPins {
			wantRefusal(t, err, RefusedConflict)
			wantRefusal(t, keyErr, RefusedConflict)
		}
	}
}

func TestKeysBoundToCertificates(t *testing.T) {
	c := start(t, ingesttest.NewLog(1), nil)
	k, secret, err := c.keys.Add(t.Context(), "", NewKey{Scopes: []string{ScopeHelpdesk}})
	if err != nil {
		t.Fatal(err)
	}
	mine, any := &Certificate{Fingerprint: Fingerprint{1}}, &Certificate{Fingerprint: Fingerprint{2}}
	if k.Admits(nil) != nil || k.Admits(any) != nil {
		t.Error("a key without certificates wants one")
	}
	if _, err := c.keys.AddCertificate(t.Context(), "", k.ID, mine.Fingerprint); err != nil {
		t.Fatal(err)
	}
	k, _ = c.keys.Find("Bearer " + secret)
	if admitted(k.Admits(nil)) != CertNone || admitted(k.Admits(any)) != CertUnregistered || k.Admits(mine) != nil {
		t.Errorf("none: %v, another: %v, its own: %v", k.Admits(nil), k.Admits(any), k.Admits(mine))
	}
	_, err = c.keys.AddCertificate(t.Context(), "", k.ID, mine.Fingerprint)
	wantRefusal(t, err, RefusedConflict)
	_, err = c.keys.RemoveCertificate(t.Context(), "", k.ID, any.Fingerprint)
	wantRefusal(t, err, RefusedUnknown)
	if k, err = c.keys.RemoveCertificate(t.Context(), "", k.ID, mine.Fingerprint); err != nil || k.Admits(nil) != nil {
		t.Errorf("without it: %v, %v", err, k.Admits(nil))
	}
	_, err = c.keys.AddCertificate(t.Context(), "", "key-none", mine.Fingerprint)
	wantRefusal(t, err, RefusedUnknown)
}
