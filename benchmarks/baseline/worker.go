package baseline

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // local times must not depend on the machine

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/segmentio/kafka-go"
	"github.com/shopspring/decimal"
)

// Bounds of a batch: what the product uses under load and when idle.
const (
	batchRows = 5000
	batchTime = 500 * time.Millisecond
)

// Work reads, prices and stores until ctx ends, which is no error.
func Work(ctx context.Context, broker string, conn driver.Conn) error {
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{broker}, GroupID: "baseline", Topic: Topic, MaxBytes: 10e6, StartOffset: kafka.FirstOffset})
	for {
		err := workBatch(ctx, r, conn)
		if ctx.Err() != nil {
			return r.Close()
		}
		if err != nil {
			return errors.Join(err, r.Close())
		}
	}
}

// row is one message on its way to the store.
type row struct {
	message kafka.Message
	cdr     CDR
	priced  *Priced
	reason  string
}

func workBatch(ctx context.Context, r *kafka.Reader, conn driver.Conn) error {
	first, err := r.FetchMessage(ctx)
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	messages := []kafka.Message{first}
	limited, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	for len(messages) < batchRows {
		m, err := r.FetchMessage(limited)
		if err != nil && limited.Err() != nil {
			break
		}
		if err != nil {
			return fmt.Errorf("fetch: %w", err)
		}
		messages = append(messages, m)
	}
	rows := make([]row, len(messages))
	for n, m := range messages {
		rows[n].message = m
		if err := json.Unmarshal(m.Value, &rows[n].cdr); err != nil {
			return fmt.Errorf("decode offset %d: %w", m.Offset, err)
		}
		c := &rows[n].cdr
		zone, err := time.LoadLocation(zones[c.Location.Country])
		if err != nil {
			return fmt.Errorf("zone of %s: %w", c.ID, err)
		}
		if rows[n].priced, err = price(c, zone); err != nil {
			rows[n].reason = err.Error()
		}
	}
	if err := store(ctx, conn, rows); err != nil {
		return err
	}
	if err := r.CommitMessages(ctx, messages...); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// store writes the rows to tables of the product's shape, one after the other.
func store(ctx context.Context, conn driver.Conn, rows []row) error {
	for _, table := range []struct {
		name   string
		values func(*row) ([]any, error)
	}{{"records", recordValues}, {"copies", copyValues}, {"cdrs", cdrValues}, {"results", resultValues}} {
		batch, err := conn.PrepareBatch(ctx, "INSERT INTO "+table.name)
		if err != nil {
			return fmt.Errorf("prepare %s: %w", table.name, err)
		}
		for n := range rows {
			values, err := table.values(&rows[n])
			if err != nil {
				return err
			}
			if err := batch.Append(values...); err != nil {
				return fmt.Errorf("append to %s: %w", table.name, err)
			}
		}
		if err := batch.Send(); err != nil {
			return fmt.Errorf("send %s: %w", table.name, err)
		}
	}
	return nil
}

func (r *row) received() time.Time {
	for _, h := range r.message.Headers {
		if h.Key == "received" {
			if t, err := time.Parse(time.RFC3339, string(h.Value)); err == nil {
				return t
			}
		}
	}
	return r.message.Time
}

func (r *row) hash() string {
	h := sha256.Sum256(r.message.Value)
	return string(h[:])
}

func (r *row) sender() string { return r.cdr.CountryCode + "*" + r.cdr.PartyID }
func (r *row) id() string     { return strings.ToUpper(r.cdr.ID) }
func (r *row) version() uint64 {
	return (1<<48 - 1 - uint64(r.message.Offset)) << 16
}
func (r *row) month() uint32 {
	end := r.cdr.End.UTC()
	return uint32(end.Year()*100 + int(end.Month()))
}

func recordValues(r *row) ([]any, error) {
	c, m := &r.cdr, &r.message
	return []any{Topic, int32(m.Partition), uint8(1), m.Offset, uint8(1), uint8(1), uint8(2), r.sender(), c.CountryCode, c.PartyID, r.id(), "", r.received(), r.hash(), "", string(m.Value)}, nil
}

func copyValues(r *row) ([]any, error) {
	c, m := &r.cdr, &r.message
	return []any{c.CountryCode, c.PartyID, r.id(), int32(m.Partition), uint8(1), m.Offset, r.hash(), r.sender(), r.received()}, nil
}

func cdrValues(r *row) ([]any, error) {
	c, m := &r.cdr, &r.message
	return []any{
		c.CountryCode, c.PartyID, r.id(), int32(m.Partition), uint8(1), m.Offset, r.version() | 1, c.ID, r.sender(), uint8(2), r.hash(), r.received(),
		c.CountryCode, c.PartyID, c.Token.CountryCode, c.Token.PartyID, c.Start, c.End, c.LastUpdated, r.month(), c.Currency, flag(c.Credit), strings.ToUpper(c.CreditReference),
		strings.ToUpper(c.SessionID), c.Token.UID, c.Token.ContractID, c.Location.ID, c.Location.EVSEUID, &c.TotalEnergy, &c.TotalTime, c.TotalParking,
	}, nil
}

func resultValues(r *row) ([]any, error) {
	c, m := &r.cdr, &r.message
	values := []any{
		c.CountryCode, c.PartyID, r.id(), int32(m.Partition), uint8(1), m.Offset, r.version() | 1, uint16(0),
		c.CountryCode, c.PartyID, c.Token.CountryCode, c.Token.PartyID, r.month(), c.Currency, flag(c.Credit),
	}
	p := r.priced
	if p == nil {
		values = append(values, "rejected", "absent", "no_tariff", r.reason, &c.TotalCost.Excl, c.TotalCost.Incl)
		for range 12 {
			values = append(values, nil)
		}
		return append(values, []string{}, []*decimal.Decimal{}, []decimal.Decimal{}, "", "", "", "", "", "", "", "baseline", "", "", "", ""), nil
	}
	verdict := "agrees"
	if !p.Total.Excl.Equal(c.TotalCost.Excl) {
		verdict = "differs"
	}
	values = append(values, "priced", verdict, "", "", &c.TotalCost.Excl, c.TotalCost.Incl, &p.Total.Excl, &p.Total.Incl)
	for _, kind := range []string{"FLAT", "ENERGY", "TIME", "PARKING_TIME"} {
		values = appendAmount(values, p, kind)
	}
	values = append(values, nil, nil)
	names, rates, amounts := []string{}, []*decimal.Decimal{}, []decimal.Decimal{}
	for rate, amount := range p.Taxes {
		percentage, err := decimal.NewFromString(rate)
		if err != nil {
			return nil, fmt.Errorf("tax rate %s: %w", rate, err)
		}
		names, rates, amounts = append(names, "VAT"), append(rates, &percentage), append(amounts, amount)
	}
	explanation, err := json.Marshal(p.Lines)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", c.ID, err)
	}
	return append(values, names, rates, amounts, c.Tariffs[0].ID, "", "cdr", zones[c.Location.Country], "location", "", "", "baseline", string(explanation), "", "", ""), nil
}

func appendAmount(values []any, p *Priced, kind string) []any {
	a, ok := p.ByType[kind]
	if !ok {
		return append(values, nil, nil)
	}
	return append(values, &a.Excl, &a.Incl)
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
