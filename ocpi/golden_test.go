package ocpi

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// marshalGolden writes a decoded object for people to read and compare: one
// line a value, zero values left out.
func marshalGolden(t *testing.T, v any) []byte {
	t.Helper()
	var b strings.Builder
	dump(&b, "", reflect.ValueOf(v))
	return []byte(b.String())
}

func dump(b *strings.Builder, path string, v reflect.Value) {
	if v.IsZero() {
		return
	}
	switch x := v.Interface().(type) {
	case Number:
		fmt.Fprintf(b, "%s = %s", path, x)
		if x.Quoted() {
			b.WriteString(" (quoted)")
		}
		b.WriteByte('\n')
		return
	case []byte:
		fmt.Fprintf(b, "%s = %d bytes\n", path, len(x))
		return
	case Finding:
		fmt.Fprintf(b, "%s = %s %s %s: %s\n", path, x.Severity, x.Code, x.Path, x.Detail)
		return
	case Weekdays:
		fmt.Fprintf(b, "%s = %07b\n", path, x)
		return
	case fmt.Stringer:
		fmt.Fprintf(b, "%s = %s\n", path, x)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		dump(b, path, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			dump(b, strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			dump(b, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	default:
		fmt.Fprintf(b, "%s = %v\n", path, v.Interface())
	}
}
