package clickhouse

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ocpi"
)

type message = messages.Message

// messageColumns are those of messages; the bodies come last.
var messageColumns = columns[message]{
	moment("at", func(m *message) *ocpi.Time { return &m.At }),
	whole[proto.ColUInt64]("seq", func(m *message) *uint64 { return &m.Seq }, (*rowReader).u64),
	label("partner", func(m *message) *string { return &m.Partner }),
	whole[proto.ColUInt8]("direction", func(m *message) *uint8 { return (*uint8)(&m.Direction) }, (*rowReader).u8),
	label("method", func(m *message) *string { return &m.Method }),
	prose("path", func(m *message) *string { return &m.Path }),
	whole[proto.ColUInt8]("version", func(m *message) *uint8 { return (*uint8)(&m.Version) }, (*rowReader).u8),
	label("from_party", func(m *message) *string { return &m.From }),
	label("to_party", func(m *message) *string { return &m.To }),
	prose("request_id", func(m *message) *string { return &m.RequestID }),
	prose("correlation_id", func(m *message) *string { return &m.CorrelationID }),
	whole[proto.ColUInt16]("http", func(m *message) *uint16 { return &m.HTTP }, (*rowReader).u16),
	whole[proto.ColUInt16]("status", func(m *message) *uint16 { return &m.Status }, (*rowReader).u16),
	whole[proto.ColUInt32]("micros", func(m *message) *uint32 { return &m.Micros }, (*rowReader).u32),
	label("object", func(m *message) *string { return &m.Object }),
	label("owner", func(m *message) *string { return &m.Owner }),
	prose("id", func(m *message) *string { return &m.ID }),
	prose("session_id", func(m *message) *string { return &m.SessionID }),
	prose("token", func(m *message) *string { return &m.Token }),
	label("topic", func(m *message) *string { return (*string)(&m.Held.Topic) }),
	whole[proto.ColInt32]("partition", func(m *message) *int32 { return &m.Held.Partition }, (*rowReader).i32),
	whole[proto.ColUInt8]("epoch", func(m *message) *uint8 { return &m.Held.Epoch }, (*rowReader).u8),
	whole[proto.ColInt64]("offset", func(m *message) *int64 { return &m.Held.Offset }, (*rowReader).i64),
	prose("reason", func(m *message) *string { return &m.Reason }),
	whole[proto.ColUInt32]("request_bytes", func(m *message) *uint32 { return &m.RequestBytes }, (*rowReader).u32),
	whole[proto.ColUInt32]("response_bytes", func(m *message) *uint32 { return &m.ResponseBytes }, (*rowReader).u32),
	whole[proto.ColUInt32]("not_kept", func(m *message) *uint32 { return &m.NotKept }, (*rowReader).u32),
	document("request", func(m *message) *[]byte { return &m.Request }),
	document("response", func(m *message) *[]byte { return &m.Response }),
}

// listedMessage is what lists show.
var listedMessage = messageColumns.without("request", "response")

// WriteMessages implements [messages.Store]. A batch is one part for each day.
func (s *Store) WriteMessages(ctx context.Context, list []message) error {
	into := newTableRows("messages", messageColumns)
	const day = ocpi.Time(24 * time.Hour)
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && list[to].At/day == list[from].At/day {
			to++
		}
		batch := list[from:to]
		err := s.insert(ctx, into.block, "messages", len(batch), func(i int) error { into.append(&batch[i]); return nil })
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}

// ForgetMessages implements [messages.Store].
func (s *Store) ForgetMessages(ctx context.Context, before time.Time) error {
	day := before.UTC().Format("20060102")
	var days []string
	err := s.each(ctx, "look for old messages", "SELECT DISTINCT _partition_id FROM messages WHERE at < toDateTime64(?, 9, 'UTC')", []any{before.UTC().Format(time.DateOnly)},
		func(rows driver.Rows) error {
			var id string
			err := rows.Scan(&id)
			days = append(days, id)
			return err
		})
	if err != nil {
		return err
	}
	for _, id := range days {
		if _, err := strconv.Atoi(id); err != nil || id >= day {
			return fmt.Errorf("messages has a part of %q, which is no day before %s", id, day)
		}
		if err := s.conn.Exec(ctx, "ALTER TABLE messages DROP PARTITION ID '"+id+"'"); err != nil {
			return fail("drop the messages of "+id, err)
		}
	}
	return nil
}

// messageCursor is the last message of a page.
type messageCursor struct {
	At  int64  `json:"a"`
	Seq uint64 `json:"s,string"`
}

// messagesWhere restricts to what is asked for.
func messagesWhere(q *messages.Query) (w where) {
	for _, text := range []struct{ column, value string }{
		{"partner", q.Partner}, {"request_id", q.RequestID}, {"correlation_id", q.CorrelationID}, {"session_id", q.SessionID}, {"token", q.Token}, {"id", q.CDRID},
	} {
		if text.value != "" {
			w.and(text.column+" = ?", text.value)
		}
	}
	if q.CDRID != "" {
		w.and("object = ?", ingest.ObjectCDR.String())
	}
	for _, number := range []struct {
		column string
		value  int
	}{{"direction", int(q.Direction)}, {"http", int(q.HTTP)}, {"status", int(q.Status)}} {
		if number.value != 0 {
			w.and(number.column+" = ?", number.value)
		}
	}
	if q.Failed {
		w.and("http = 0 OR http >= 300 OR status >= 2000")
	}
	messagesBetween(&w, q)
	return w
}

func messagesBetween(w *where, q *messages.Query) {
	if q.From.IsSet() {
		w.and("at >= fromUnixTimestamp64Nano(?, 'UTC')", int64(q.From))
	}
	if q.To.IsSet() {
		w.and("at < fromUnixTimestamp64Nano(?, 'UTC')", int64(q.To))
	}
}

// Messages implements [messages.Store].
func (s *Store) Messages(ctx context.Context, q messages.Query) (page []message, next string, err error) {
	after, err := decodeCursor[messageCursor](q.After)
	if err != nil {
		return nil, "", err
	}
	limit := pageSize(q.Limit)
	w := messagesWhere(&q)
	w.and("not_kept = 0")
	if q.After != "" {
		w.and("at <= fromUnixTimestamp64Nano(?, 'UTC')", after.At)
		w.and("(at, seq) < (fromUnixTimestamp64Nano(?, 'UTC'), ?)", after.At, after.Seq)
	}
	err = s.each(ctx, "list messages", "SELECT "+listedMessage.row()+" FROM messages"+w.String()+
		fmt.Sprintf(" ORDER BY at DESC, seq DESC LIMIT 1 BY at, seq LIMIT %d", limit+1), w.args,
		func(rows driver.Rows) error {
			var m message
			err := listedMessage.scan(rows, &m)
			page = append(page, m)
			return err
		})
	if err != nil || len(page) <= limit {
		return page, "", err
	}
	page = page[:limit]
	last := &page[limit-1]
	next, err = encodeCursor(messageCursor{int64(last.At), last.Seq})
	return page, next, err
}

// Message implements [messages.Store].
func (s *Store) Message(ctx context.Context, id messages.MessageID) (*message, error) {
	var found *message
	err := s.each(ctx, "read a message", "SELECT "+messageColumns.row()+" FROM messages WHERE at = fromUnixTimestamp64Nano(?, 'UTC') AND seq = ? AND not_kept = 0 LIMIT 1",
		[]any{int64(id.At), id.Seq}, func(rows driver.Rows) error {
			found = &message{}
			return messageColumns.scan(rows, found)
		})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, messages.ErrNoMessage
	}
	if found.Held.Topic == "" {
		return found, nil
	}
	records, err := s.recordsAt(ctx, found.Held.Topic, []ingest.Position{found.Held.Position})
	found.Request = records[found.Held.Position].Body
	return found, err
}

// MessagesNotKept implements [messages.Store].
func (s *Store) MessagesNotKept(ctx context.Context, q messages.Query) (n uint64, err error) {
	var w where
	if q.Partner != "" {
		w.and("partner = ?", q.Partner)
	}
	messagesBetween(&w, &q)
	w.and("not_kept > 0")
	err = s.conn.QueryRow(ctx, "SELECT sum(not_kept) FROM (SELECT at, seq, not_kept FROM messages"+w.String()+" LIMIT 1 BY at, seq)", w.args...).Scan(&n)
	return n, fail("count messages that were not kept", err)
}
