package api

import (
	"crypto/rand"
	"encoding/hex"
)

// HeaderReceipt carries the position of the record in the log.
const HeaderReceipt = "X-Roamclear-Receipt"

// NewRequestID makes an id for a request or a correlation that came without
// one: a random UUID, as OCPI advises (2.2.1 transport, "Unique message IDs").
func NewRequestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
