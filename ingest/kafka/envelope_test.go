package kafka

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// encodeRecords returns the record set of a batch at offset 0 of envelopes
// and bodies, as the broker would send it.
func encodeRecords(tb testing.TB, c Compression, envelopes []*ingest.Envelope, bodies [][]byte) []byte {
	tb.Helper()
	b := newBatch(nil)
	for i, e := range envelopes {
		before, bound := len(b.buf), recordSize(e, bodies[i])
		b.add(e, bodies[i])
		if got := len(b.buf) - before; got > bound {
			tb.Fatalf("record takes %d bytes, bound says %d", got, bound)
		}
	}
	packed, err := b.seal(session{id: 1, open: true}, c)
	if err != nil {
		tb.Fatal(err)
	}
	set := append([]byte(nil), packed[batchPrefix:]...)
	clear(set[:8]) // base offset
	return set
}

func testReader() *partitionReader {
	return &partitionReader{partition: ingest.Partition{Topic: ingest.TopicCDRs, Epoch: 1}}
}

func FuzzEnvelopeRoundTrip(f *testing.F) {
	f.Add(byte(1), byte(1), byte(2), int64(1_557_000_000_000_000_000), "dundee", "GB", "DUN", "CDR-1", "", "", []byte(`{}`))
	f.Add(byte(0), byte(0), byte(0), int64(0), "", "", "", "", "", "", []byte(nil))
	f.Add(byte(5), byte(4), byte(3), int64(-1), "a", "", "*", "*", "EVSE/1", "because", []byte("x"))
	f.Fuzz(func(t *testing.T, object, method, version byte, received int64, sender, country, party, id, sub, reason string, body []byte) {
		want := ingest.Envelope{
			Object: ingest.Object(object % 6), Method: ingest.Method(method % 5), Version: ocpi.Version(version % 4), Received: ocpi.Time(received),
			Sender: sender, Key: ocpi.Key{Party: ocpi.Party{Country: country, ID: party}, ID: id}, Reason: reason,
		}
		want.SetSub(sub)
		copy(want.Hash[:], sender+id)
		second := want
		second.Received++
		set := encodeRecords(t, CompressionNone, []*ingest.Envelope{&want, &second}, [][]byte{body, body})
		got, err := testReader().decode(set, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		if body == nil {
			body = []byte{}
		}
		wantRecords := []ingest.Record{
			{Position: ingest.Position{Epoch: 1}, Envelope: want, Body: body},
			{Position: ingest.Position{Epoch: 1, Offset: 1}, Envelope: second, Body: body},
		}
		if diff := cmp.Diff(wantRecords, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// What was written is read for ever: these headers are from the first release.
func TestEnvelopesOfTheFirstRelease(t *testing.T) {
	const fixed = "159b93402b4880000000000000000000000000000000000000000000000000000000000000000000"
	for name, c := range map[string]struct {
		header string
		want   ingest.Envelope
	}{
		"part of a Location": {"01040302" + fixed + "02030664756e6465650745253246312f3100", ingest.Envelope{
			Object: ingest.ObjectLocation, Method: ingest.MethodPatch, Version: ocpi.V221, Sender: "dundee",
			Key: ocpi.NewKey("GB", "DUN", "L1"), Path: "E%2F1/1", Received: 1_557_000_000_000_000_000}},
		"Token": {"01050202" + fixed + "02030365787704524649440172", ingest.Envelope{
			Object: ingest.ObjectToken, Method: ingest.MethodPut, Version: ocpi.V221, Sender: "exw",
			Key: ocpi.NewKey("NL", "EXW", "U1"), Variant: "RFID", Received: 1_557_000_000_000_000_000, Reason: "r"}},
	} {
		header, err := hex.DecodeString(c.header)
		if err != nil {
			t.Fatal(err)
		}
		var got ingest.Envelope
		if err := (&envelopeReader{}).decode(&got, appendKey(nil, c.want.Key), header); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if written := appendEnvelope(nil, &got); hex.EncodeToString(written) != c.header {
			t.Errorf("%s is now written as %x", name, written)
		}
	}
}

func TestEnvelopeOfTheFutureIsRefused(t *testing.T) {
	f := func(name string, change func(header []byte) []byte, want string) {
		t.Helper()
		e := testEnvelope(1)
		header := change(appendEnvelope(nil, e))
		err := (&envelopeReader{}).decode(&ingest.Envelope{}, appendKey(nil, e.Key), header)
		if err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
	f("version", func(h []byte) []byte { h[0] = 3; return h }, "record header: version 03 is unknown to this version of roamclear")
	f("object", func(h []byte) []byte { h[1] = 200; return h }, "record header: object 200, method 1 or OCPI version 2 is unknown to this version of roamclear")
	f("empty", func([]byte) []byte { return nil }, "record header: version  is unknown to this version of roamclear")
	f("short", func(h []byte) []byte { return h[:envelopeFixed-1] }, "record header: cut short")
	f("strings short", func(h []byte) []byte { return h[:len(h)-1] }, "record header: not a length")
	f("too long", func(h []byte) []byte { return append(h, 0) }, "record header: 1 bytes too many")
	f("key", func(h []byte) []byte { h[envelopeFixed] = 3; return h }, "record header: key and lengths do not agree")
}

// An older version would take who pays for a Session for a part of its identity, so
// such a record has a form that it does not know. All others keep theirs.
func TestAnEnvelopeThatSaysWhoPays(t *testing.T) {
	e := ingest.Envelope{Object: ingest.ObjectSession, Method: ingest.MethodPut, Version: ocpi.V211, Key: ocpi.NewKey("GB", "DUN", "S1")}
	for path, version := range map[string]byte{"": envelopeV1, ingest.PayerPath(ocpi.NewParty("NL", "EXW"), "A B"): envelopeV2} {
		e.Path = path
		header := appendEnvelope(nil, &e)
		var got ingest.Envelope
		if err := (&envelopeReader{}).decode(&got, appendKey(nil, e.Key), header); err != nil || header[0] != version || len(header) != envelopeSize(&e) {
			t.Errorf("%q: version %d, %v", path, header[0], err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Error(diff)
		}
		payer, contract, ok := got.PayerOf()
		if ok != (path != "") || ok && (payer != ocpi.NewParty("NL", "EXW") || contract != "A B") {
			t.Errorf("%q: %s pays for %q, %t", path, payer, contract, ok)
		}
	}
}

// What only a newer version can read comes after all that this one can.
func TestRecordsBeforeANewerOneAreRead(t *testing.T) {
	newer := testEnvelope(3)
	newer.Object = ingest.ObjectCommand + 1
	set := encodeRecords(t, CompressionNone, []*ingest.Envelope{testEnvelope(1), testEnvelope(2), newer}, [][]byte{testBody(1), testBody(2), testBody(3)})
	records, err := testReader().decode(set, 0, 10)
	if err != nil || len(records) != 2 {
		t.Errorf("%d records, %v; want the 2 before it", len(records), err)
	}
	if _, err := testReader().decode(set, 2, 10); !errors.Is(err, ingest.ErrNewer) || !Lasting(err) {
		t.Errorf("the next read: %v, want that a newer version is needed", err)
	}
}

// FuzzRecordSet feeds the decoder bytes that no one checked. It must not
// panic, and what it returns must be contiguous.
func FuzzRecordSet(f *testing.F) {
	for _, c := range []Compression{CompressionNone, CompressionLZ4} {
		f.Add(encodeRecords(f, c, []*ingest.Envelope{testEnvelope(1), testEnvelope(2)}, [][]byte{testBody(1), testBody(2)}), int64(0), true)
	}
	f.Fuzz(func(t *testing.T, set []byte, from int64, sum bool) {
		if sum && len(set) > batchHeader {
			sealCRC(set)
		}
		records, err := testReader().decode(set, from, 100)
		if err != nil && len(records) > 0 {
			t.Errorf("%d records and %v", len(records), err)
		}
		for i, r := range records {
			if r.Offset != from+int64(i) {
				t.Errorf("record %d of a read from %d has offset %d", i, from, r.Offset)
			}
		}
	})
}

func TestRecordSetRefusesDamage(t *testing.T) {
	f := func(name string, change func(set []byte), want string) {
		t.Helper()
		set := encodeRecords(t, CompressionNone, []*ingest.Envelope{testEnvelope(1), testEnvelope(2)}, [][]byte{testBody(1), testBody(2)})
		change(set)
		_, err := testReader().decode(set, 0, 10)
		if err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
	f("a bit of a body", func(s []byte) { s[len(s)-70] ^= 1 }, "log roamclear.cdrs/0, offset 0: checksum is wrong")
	f("base offset", func(s []byte) { s[7] = 5 }, "log roamclear.cdrs/0: offset 0 was due and 5 came: the records between are missing")
	f("marker", func(s []byte) { s[batchAttrsAt-batchPrefix+1] = 0x20; sealCRC(s) },
		"log roamclear.cdrs/0, offset 0: a transaction marker: something else writes to this topic")
	f("format", func(s []byte) { s[batchMagicAt-batchPrefix] = 1 }, "log roamclear.cdrs/0, offset 0: record format 1")
}

func sealCRC(set []byte) {
	sum := crc32.Checksum(set[batchAttrsAt-batchPrefix:], castagnoli)
	binary.BigEndian.PutUint32(set[batchCRCAt-batchPrefix:], sum)
}
