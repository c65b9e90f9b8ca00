package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/roamclear/roamclear/ocpi"
)

// node is a JSON value as it was written: what a decoded tariff no longer
// shows.
type node struct {
	kind     byte   // '{', '[', '"', '0' (number), 't' (boolean), 'n' (null)
	text     string // of a string, number or boolean
	names    []string
	children []node // of an object, beside names, or of an array
}

// parse reads the first JSON value of a text.
func parse(raw []byte) (node, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	n, err := readNode(d, 0)
	if err != nil {
		return node{}, fmt.Errorf("read tariff: %w", err)
	}
	return n, nil
}

func readNode(d *json.Decoder, depth int) (n node, err error) {
	if depth > ocpi.MaxDepth {
		return n, errors.New("nested too deeply")
	}
	token, err := d.Token()
	if err != nil {
		return n, err
	}
	switch t := token.(type) {
	case json.Delim:
		n.kind = byte(t)
		for d.More() {
			if n.kind == '{' {
				name, err := d.Token()
				if err != nil {
					return n, err
				}
				n.names = append(n.names, name.(string)) // a member name is a string
			}
			child, err := readNode(d, depth+1)
			if err != nil {
				return n, err
			}
			n.children = append(n.children, child)
		}
		_, err = d.Token()
	case string:
		n.kind, n.text = '"', t
	case json.Number:
		n.kind, n.text = '0', t.String()
	case bool:
		n.kind, n.text = 't', strconv.FormatBool(t)
	default:
		n.kind = 'n'
	}
	return n, err
}

// member returns the member of an object, nil when there is none or it is null.
func (n *node) member(name string) *node {
	if n == nil || n.kind != '{' {
		return nil
	}
	for i := range n.names {
		if n.names[i] == name && n.children[i].kind != 'n' {
			return &n.children[i]
		}
	}
	return nil
}

// items returns the elements of an array.
func (n *node) items() []node {
	if n == nil || n.kind != '[' {
		return nil
	}
	return n.children
}

// walk visits every value with its path.
func (n *node) walk(path string, visit func(path string, n *node)) {
	visit(path, n)
	for i := range n.children {
		at := path + "[" + strconv.Itoa(i) + "]"
		if n.kind == '{' {
			at = n.names[i]
			if path != "" {
				at = path + "." + at
			}
		}
		n.children[i].walk(at, visit)
	}
}
