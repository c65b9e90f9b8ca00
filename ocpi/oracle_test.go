package ocpi

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// The oracle reads JSON with a standard strict decoder into a tree of nil,
// bool, string, numberText, []any and map[string]any. It shares no code with
// the Decoder.
type numberText string

var errTooDeep = errors.New("too deep")

func parseTree(raw []byte) (any, error) {
	d := jsontext.NewDecoder(bytes.NewReader(raw),
		jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false))
	tree, err := readTree(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return tree, nil
}

func readTree(d *jsontext.Decoder) (any, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	if d.StackDepth() > MaxDepth {
		return nil, errTooDeep
	}
	switch token.Kind() {
	case '{':
		object := map[string]any{}
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String()
			if object[key], err = readTree(d); err != nil {
				return nil, err
			}
		}
		_, err = d.ReadToken()
		return object, err
	case '[':
		array := []any{}
		for d.PeekKind() != ']' {
			element, err := readTree(d)
			if err != nil {
				return nil, err
			}
			array = append(array, element)
		}
		_, err = d.ReadToken()
		return array, err
	case '"':
		return token.String(), nil
	case '0':
		return numberText(token.String()), nil
	case 'n':
		return nil, nil
	}
	return token.Bool(), nil
}

// exactNumber is digits × 10^exp without zeros at either end of the digits.
type exactNumber struct {
	negative bool
	digits   string
	exp      *big.Int
}

func exactOf(n numberText) exactNumber {
	text := strings.ToLower(string(n))
	mantissa, exponent, _ := strings.Cut(text, "e")
	exp := new(big.Int)
	if exponent != "" {
		exp.SetString(strings.TrimPrefix(exponent, "+"), 10)
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exp.Sub(exp, big.NewInt(int64(len(fraction))))
	digits := strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	exp.Add(exp, big.NewInt(int64(len(digits)-len(trimmed))))
	if trimmed == "" {
		return exactNumber{exp: new(big.Int)}
	}
	return exactNumber{negative, trimmed, exp}
}

func (n exactNumber) canonical() string {
	if n.digits == "" {
		return "0"
	}
	sign := ""
	if n.negative {
		sign = "-"
	}
	if n.exp.CmpAbs(big.NewInt(40)) > 0 {
		return sign + n.digits + "e" + n.exp.String()
	}
	exp := int(n.exp.Int64())
	if exp >= 0 {
		return sign + n.digits + strings.Repeat("0", exp)
	}
	digits := n.digits
	if len(digits) <= -exp {
		digits = strings.Repeat("0", 1-exp-len(digits)) + digits
	}
	return sign + digits[:len(digits)+exp] + "." + digits[len(digits)+exp:]
}

func canonicalTree(tree any) string {
	switch x := tree.(type) {
	case nil:
		return "null"
	case bool:
		if x {
			return "true"
		}
		return "false"
	case numberText:
		return exactOf(x).canonical()
	case string:
		quoted, err := jsontext.AppendQuote(nil, x)
		if err != nil {
			panic(err)
		}
		return string(quoted)
	case []any:
		parts := make([]string, len(x))
		for i, e := range x {
			parts[i] = canonicalTree(e)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(x)) {
			parts = append(parts, canonicalTree(name)+":"+canonicalTree(x[name]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	panic("not a tree")
}

// sameTree compares two trees, numbers by value.
func sameTree(a, b any) bool {
	switch x := a.(type) {
	case numberText:
		y, ok := b.(numberText)
		if !ok {
			return false
		}
		m, n := exactOf(x), exactOf(y)
		return m.negative == n.negative && m.digits == n.digits && m.exp.Cmp(n.exp) == 0
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, sameTree)
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && maps.EqualFunc(x, y, sameTree)
	}
	return reflect.DeepEqual(a, b)
}

// oracleNumber is what a Number must be: the value as sent, with its scale
// where the bounds allow it and as many of its zeros as they allow elsewhere.
func oracleNumber(n numberText) (Number, bool) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(string(n)), "e")
	_, fraction, _ := strings.Cut(mantissa, ".")
	sent := big.NewInt(int64(len(fraction)))
	if exponent != "" {
		e, _ := new(big.Int).SetString(strings.TrimPrefix(exponent, "+"), 10)
		sent.Sub(sent, e)
	}
	x := exactOf(n)
	for scale := MaxNumberDecimals; scale >= 0; scale-- {
		if x.digits != "" && scale > 0 && sent.Cmp(big.NewInt(int64(scale))) < 0 {
			continue // more decimals than were sent
		}
		if x.digits == "" {
			if sent.Cmp(big.NewInt(int64(scale))) < 0 && scale > 0 {
				continue
			}
			return NewNumber(0, uint8(scale)), true
		}
		zeros := new(big.Int).Add(x.exp, big.NewInt(int64(scale)))
		if zeros.Sign() < 0 || zeros.Cmp(big.NewInt(MaxNumberDigits)) > 0 {
			continue
		}
		coef, _ := new(big.Int).SetString(x.digits+strings.Repeat("0", int(zeros.Int64())), 10)
		if len(coef.String()) > MaxNumberDigits {
			continue
		}
		if x.negative {
			coef.Neg(coef)
		}
		return NewNumber(coef.Int64(), uint8(scale)), true
	}
	return Number{}, false
}

func FuzzNumber(f *testing.F) {
	for _, s := range numberSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseNumber(s)
		fromBytes, errBytes := ParseNumber([]byte(s))
		if got != fromBytes || !errors.Is(errBytes, err) {
			t.Fatalf("%q: %v %v from a string, %v %v from bytes", s, got, err, fromBytes, errBytes)
		}
		tree, oracleErr := parseTree([]byte(s))
		text, isNumber := tree.(numberText)
		if oracleErr != nil || !isNumber || string(text) != s {
			if !errors.Is(err, ErrNumberSyntax) {
				t.Fatalf("%q: got %v, %v, want a syntax error", s, got, err)
			}
			return
		}
		want, ok := oracleNumber(text)
		switch {
		case ok && (err != nil || got != want):
			t.Fatalf("%q: got %v, %v, want %v", s, got, err, want)
		case !ok && !errors.Is(err, ErrNumberRange):
			t.Fatalf("%q: got %v, %v, want a range error", s, got, err)
		}
	})
}
