package kafka

import (
	"encoding/binary"
	"testing"

	"github.com/roamclear/roamclear/ingest"
)

// answer is a fetch answer with one record set, as a broker writes it.
func answer(set []byte) []byte {
	b := make([]byte, 4+4+2+4) // correlation, throttle time, error, session
	b = binary.BigEndian.AppendUint32(b, 1)
	b = appendString(b, string(ingest.TopicCDRs))
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint32(b, 0)  // partition
	b = binary.BigEndian.AppendUint16(b, 0)  // error
	b = binary.BigEndian.AppendUint64(b, 42) // high watermark
	b = binary.BigEndian.AppendUint64(b, 42) // last stable offset
	b = binary.BigEndian.AppendUint64(b, 7)  // log start
	b = binary.BigEndian.AppendUint32(b, 1)  // aborted transactions
	b = append(b, make([]byte, 16)...)
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // preferred read replica
	b = binary.BigEndian.AppendUint32(b, uint32(len(set)))
	return append(b, set...)
}

func TestFetchAnswer(t *testing.T) {
	got, err := decodeFetch(answer([]byte("set")))
	if err != nil || got.code != 0 || got.end != 42 || got.logStart != 7 || string(got.recordSet) != "set" {
		t.Errorf("answer %+v, %v", got, err)
	}
	whole := answer([]byte("set"))
	for n := range whole {
		if got, err := decodeFetch(whole[:n]); err == nil {
			t.Errorf("answer cut to %d bytes is taken for %+v", n, got)
		}
	}
}

// FuzzFetchAnswer reads bytes that no one checked: it must not panic.
func FuzzFetchAnswer(f *testing.F) {
	f.Add(answer(encodeRecords(f, CompressionNone, []*ingest.Envelope{testEnvelope(1)}, [][]byte{testBody(1)})))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := decodeFetch(b); err == nil && len(got.recordSet) > len(b) {
			t.Errorf("%d bytes of records out of %d", len(got.recordSet), len(b))
		}
	})
}

func TestEncodingAllocatesNothing(t *testing.T) {
	e, body := testEnvelope(1), testBody(1)
	b := newBatch(make([]byte, 1<<20))
	if n := testing.AllocsPerRun(100, func() { b.add(e, body) }); n != 0 {
		t.Errorf("%v allocations per record", n)
	}
}
