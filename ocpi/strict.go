package ocpi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// DecodeStrict reads one JSON value of our own making, never a partner's: a
// member that v does not have is an error, as is anything after the value.
func DecodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes after the JSON value")
	}
	return nil
}
