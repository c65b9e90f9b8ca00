package convert

import (
	"strconv"
	"strings"
)

// MaxLostHeader bounds what Lost returns, in bytes.
const MaxLostHeader = 512

// Lost returns the value of the header X-Roamclear-Lost: how much was lost and where,
// "<count>; path,path,…", as many paths as fit. It is "" where nothing was lost.
func Lost(lost []Loss) string {
	if len(lost) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(strconv.Itoa(len(lost)))
	separator := "; "
	for _, l := range lost {
		path := headerText(l.Path)
		if b.Len()+len(separator)+len(path) > MaxLostHeader {
			break
		}
		b.WriteString(separator)
		b.WriteString(path)
		separator = ","
	}
	return b.String()
}

// headerText writes what a header can hold of a path: names come from bodies.
func headerText(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		if c <= ' ' || c > '~' || c == ',' || c == ';' || c == '%' {
			b.WriteString("%" + strconv.FormatUint(uint64(c)>>4, 16) + strconv.FormatUint(uint64(c)&15, 16))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
