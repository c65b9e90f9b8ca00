package admin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest/control"
)

// TestEveryFindingIsKnown holds the codes that policies may name against those in
// the program's text: none is missing, and none is there that nothing has.
func TestEveryFindingIsKnown(t *testing.T) {
	found, texts := map[string]string{}, map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "admin/codes.go") || strings.Contains(path, "/reconcile") || strings.Contains(path, "/clearing/rule") { // these have readings and grounds, not findings
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err == nil {
			ast.Inspect(file, func(n ast.Node) bool {
				for _, code := range codesIn(n) {
					found[code] = path
				}
				if text, ok := literal(n); ok {
					texts[text] = true
				}
				return true
			})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 100 {
		t.Errorf("%d codes found in the program: the test does not see them any more", len(found))
	}
	for code, path := range found {
		if _, after := notRefused[code]; !after && !slices.Contains(refusable, code) {
			t.Errorf("%s has the finding %q, which no policy may name", path, code)
		}
	}
	for _, code := range slices.Concat(refusable, slices.Collect(maps.Keys(notRefused))) {
		if !texts[code] && !strings.HasPrefix(code, "time_in_") {
			t.Errorf("nothing has the finding %q", code)
		}
	}
	if !slices.IsSorted(refusable) {
		t.Error("the codes are not in order")
	}
}

// codesIn returns the codes of findings that a node of a program gives.
func codesIn(n ast.Node) (codes []string) {
	add := func(e ast.Expr) {
		if code, ok := literal(e); ok && isCode(code) {
			codes = append(codes, code)
		}
	}
	switch n := n.(type) {
	case *ast.CallExpr: // d.find("too_long", …), c.add("overlap", …)
		f, ok := n.Fun.(*ast.SelectorExpr)
		if ok && (f.Sel.Name == "find" || f.Sel.Name == "add") && len(n.Args) >= 4 {
			add(n.Args[0])
		}
	case *ast.CompositeLit: // ocpi.Finding{Code: "too_long", Severity: …}, Finding{"too_long", …}
		isFinding := n.Type != nil && strings.HasSuffix(typeName(n.Type), "Finding")
		for i, e := range n.Elts {
			switch kv, keyed := e.(*ast.KeyValueExpr); {
			case keyed && named(kv.Key, "Code") && (isFinding || n.Type == nil):
				add(kv.Value)
			case !keyed && isFinding && i == 0:
				add(e)
			}
		}
	case *ast.AssignStmt: // f.Code, f.Severity = "time_zone_offset", ocpi.Warning
		for i, to := range n.Lhs {
			sel, ok := to.(*ast.SelectorExpr)
			if (ok && sel.Sel.Name == "Code" || named(to, "code")) && i < len(n.Rhs) && len(n.Lhs) > 1 {
				add(n.Rhs[i])
			}
		}
	}
	return codes
}

func literal(n ast.Node) (string, bool) {
	l, ok := n.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

func typeName(e ast.Expr) string {
	if sel, ok := e.(*ast.SelectorExpr); ok {
		return sel.Sel.Name
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

func named(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func TestPoliciesNameFindingsThatCanBeRefused(t *testing.T) {
	a := newAdmin(t)
	var invited PartnerToken
	a.do("POST", "/invitations", inviteTNM, 201, &invited)
	earlier := &control.Partner{Refuses: []string{"of_an_earlier_version"}}
	for _, c := range []struct {
		code, policy string
		partner      *control.Partner
		wrong        string // part of what the error says
	}{
		{code: "missing_field", policy: control.PolicyRefuse},
		{code: "cdr_before_session", policy: control.PolicyRefuse},
		{code: "missing_feild", policy: control.PolicyRefuse, wrong: "want one of ambiguous_tariff, "},
		{code: "missing_feild", policy: control.PolicyAccept, wrong: "missing_field"},
		{code: "session_billed_twice", policy: control.PolicyRefuse, wrong: "cannot be refused: it follows from the CDRs"},
		{code: "session_billed_twice", policy: control.PolicyAccept},
		{code: "of_an_earlier_version", policy: control.PolicyRefuse, partner: earlier, wrong: "not the code of a finding"},
		{code: "of_an_earlier_version", policy: control.PolicyAccept, partner: earlier},
	} {
		err := knownKind(c.code, c.policy, c.partner)
		if (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s %s: %v", c.policy, c.code, err)
		}
		if c.partner == nil {
			status := 200
			if c.wrong != "" {
				status = 400
			}
			a.do("PUT", "/partners/nl-tnm-cpo/policies/"+c.code, `{"policy":"`+c.policy+`"}`, status, nil)
		}
	}
}
