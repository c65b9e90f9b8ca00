package rest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"go.yaml.in/yaml/v3"
)

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS string

// Docs answers GET /api/v1/docs, to everybody: openapi.yaml as a page to read. It needs
// no script.
func Docs(c *gin.Context) {
	d, err := renderedDocs()
	if err != nil {
		panic(fmt.Errorf("render openapi.yaml: %w", err)) // embedded
	}
	c.Header("Content-Security-Policy", d.policy)
	c.Header("X-Content-Type-Options", "nosniff")
	if api.Unchanged(c, openAPITag) {
		return
	}
	c.Data(http.StatusOK, "text/html; charset=utf-8", d.page)
}

// rendered is the page and the policy that allows its style sheet.
type rendered struct {
	page   []byte
	policy string
}

var renderedDocs = sync.OnceValues(func() (*rendered, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(openAPIYAML, &root); err != nil {
		return nil, err
	}
	t, err := template.New("docs").Parse(docsHTML)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, newDocs(root.Content[0])); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(docsCSS))
	return &rendered{b.Bytes(), "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}, nil
})

// docs is what the page shows, in the order of the document.
type docs struct {
	Title       string
	Style       template.CSS
	Description []string
	Groups      []docsGroup
	Schemas     []docsSchema

	root *yaml.Node
}

// docsGroup are the operations of a tag.
type docsGroup struct {
	Name, Description string
	Operations        []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary string
	Description               []string
	Security                  string
	Parameters                []docsMember
	Body                      *docsType
	Responses                 []docsResponse
}

// docsMember is a parameter, or a member of an object.
type docsMember struct {
	Name, In, Description string
	Required              bool
	Type                  docsType
}

// docsType is a type in words; Ref is the schema that it is, or is made of.
type docsType struct{ Text, Ref string }

type docsResponse struct {
	Status, Description string
	Type                docsType
}

type docsSchema struct {
	Name, Description string
	Members           []docsMember
	Type              docsType
}

func newDocs(root *yaml.Node) *docs {
	d := &docs{root: root, Style: template.CSS(docsCSS), Title: text(root, "info", "title"), Description: paragraphs(text(root, "info", "description"))}
	for _, tag := range at(root, "tags").Content {
		g := docsGroup{Name: text(tag, "name"), Description: text(tag, "description")}
		for path, item := range members(at(root, "paths")) {
			for method, o := range members(item) {
				if tags := at(o, "tags"); len(tags.Content) > 0 && tags.Content[0].Value == g.Name {
					g.Operations = append(g.Operations, d.operation(strings.ToUpper(method), path, o))
				}
			}
		}
		if len(g.Operations) > 0 {
			d.Groups = append(d.Groups, g)
		}
	}
	for name, s := range members(at(root, "components", "schemas")) {
		d.Schemas = append(d.Schemas, docsSchema{Name: name, Description: text(s, "description"), Members: d.members(s), Type: d.typeOf(s)})
	}
	return d
}

func (d *docs) operation(method, path string, o *yaml.Node) docsOperation {
	op := docsOperation{ID: text(o, "operationId"), Method: method, Path: path, Summary: text(o, "summary"), Description: paragraphs(text(o, "description")), Security: d.security(o)}
	for _, p := range at(o, "parameters").Content {
		p = d.deref(p)
		op.Parameters = append(op.Parameters, docsMember{Name: text(p, "name"), In: text(p, "in"), Description: text(p, "description"), Required: text(p, "required") == "true", Type: d.typeOf(at(p, "schema"))})
	}
	for _, media := range members(at(o, "requestBody", "content")) {
		body := d.typeOf(at(media, "schema"))
		op.Body = &body
		break
	}
	for status, r := range members(at(o, "responses")) {
		r = d.deref(r)
		answer := docsResponse{Status: status, Description: text(r, "description")}
		for _, media := range members(at(r, "content")) {
			answer.Type = d.typeOf(at(media, "schema"))
			break
		}
		op.Responses = append(op.Responses, answer)
	}
	return op
}

// security says who may call an operation.
func (d *docs) security(o *yaml.Node) string {
	wanted := at(o, "security")
	if wanted.Kind == 0 {
		wanted = at(d.root, "security")
	}
	var ways []string
	for _, w := range wanted.Content {
		for name := range members(w) {
			ways = append(ways, text(d.root, "components", "securitySchemes", name, "description"))
		}
	}
	if ways == nil {
		return "Everybody."
	}
	return strings.Join(ways, " Or: ")
}

func (d *docs) members(s *yaml.Node) (list []docsMember) {
	required := at(s, "required").Content
	for name, m := range members(at(s, "properties")) {
		list = append(list, docsMember{Name: name, Description: text(d.deref(m), "description"), Type: d.typeOf(m),
			Required: slices.ContainsFunc(required, func(r *yaml.Node) bool { return r.Value == name })})
	}
	return list
}

// typeOf says in words what a schema is.
func (d *docs) typeOf(s *yaml.Node) docsType {
	if ref := text(s, "$ref"); ref != "" {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		return docsType{name, name}
	}
	if all := at(s, "oneOf").Content; len(all) > 0 {
		first := d.typeOf(all[0])
		for _, o := range all[1:] {
			first.Text += " or " + d.typeOf(o).Text
		}
		return first
	}
	kind := at(s, "type")
	words := kind.Value
	if kind.Kind == yaml.SequenceNode {
		words = joined(kind, " or ")
	}
	if items := at(s, "items"); items.Kind != 0 {
		of := d.typeOf(items)
		return docsType{"list of " + of.Text, of.Ref}
	}
	if values := at(s, "enum"); len(values.Content) > 0 {
		words += ": " + joined(values, ", ")
	}
	for _, bound := range [][2]string{{"minimum", "from "}, {"maximum", "to "}, {"default", "else "}} {
		if v := text(s, bound[0]); v != "" {
			words += ", " + bound[1] + v
		}
	}
	return docsType{Text: words}
}

func joined(list *yaml.Node, with string) string {
	var values []string
	for _, v := range list.Content {
		values = append(values, v.Value)
	}
	return strings.Join(values, with)
}

// deref follows a $ref.
func (d *docs) deref(n *yaml.Node) *yaml.Node {
	if ref := text(n, "$ref"); ref != "" {
		return d.deref(at(d.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...))
	}
	return n
}

// at walks to a node, an empty one where there is none.
func at(n *yaml.Node, path ...string) *yaml.Node {
	for _, name := range path {
		next := &yaml.Node{}
		for key, value := range members(n) {
			if key == name {
				next = value
			}
		}
		n = next
	}
	return n
}

func text(n *yaml.Node, path ...string) string { return at(n, path...).Value }

// members are those of a mapping, in their order.
func members(n *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, n.Content[i+1]) {
				return
			}
		}
	}
}

func paragraphs(s string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(strings.TrimSpace(s), "\n\n", "\x00"), func(r rune) bool { return r == 0 })
}
