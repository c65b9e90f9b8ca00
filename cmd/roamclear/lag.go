package main

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/kafka"
)

// lagCollector says how far pricing is behind the log: how many CDR records
// wait, and how old the oldest of them is. It asks the log when it is scraped,
// so it tells the truth also when no worker runs.
type lagCollector struct {
	log *kafka.Log
	now func() time.Time
}

var (
	lagRecords = prometheus.NewDesc("roamclear_pricing_waiting_records",
		"CDR records in the log that are not priced and stored yet.", []string{"partition"}, nil)
	lagAge = prometheus.NewDesc("roamclear_pricing_oldest_unpriced_seconds",
		"Age of the oldest CDR record that is not priced and stored yet; 0 when there is none.", []string{"partition"}, nil)
)

// scrapeTimeout bounds what one scrape may take.
const scrapeTimeout = 3 * time.Second

// Describe implements prometheus.Collector.
func (c *lagCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- lagRecords
	ch <- lagAge
}

// Collect implements prometheus.Collector. A log that cannot be asked gives
// an invalid metric, so that the scrape fails rather than shows no lag.
func (c *lagCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	committed, err := c.log.Committed(ctx, ingest.GroupPricing, ingest.TopicCDRs)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(lagRecords, err)
		return
	}
	for _, p := range c.log.Partitions(ingest.TopicCDRs) {
		waiting, age, err := c.partition(ctx, p, committed)
		if err != nil {
			ch <- prometheus.NewInvalidMetric(lagRecords, err)
			continue
		}
		label := strconv.Itoa(int(p.Number))
		ch <- prometheus.MustNewConstMetric(lagRecords, prometheus.GaugeValue, float64(waiting), label)
		ch <- prometheus.MustNewConstMetric(lagAge, prometheus.GaugeValue, age.Seconds(), label)
	}
}

func (c *lagCollector) partition(ctx context.Context, p ingest.Partition, committed map[ingest.Partition]kafka.Offset) (waiting int64, age time.Duration, err error) {
	start, end, err := c.log.Bounds(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	next := start
	if o, ok := committed[p]; ok {
		next = max(next, o.Next)
	}
	if next >= end {
		return 0, 0, nil
	}
	oldest, err := c.log.Read(ctx, p, next, 1)
	if err != nil || len(oldest) == 0 {
		return end - next, 0, err
	}
	return end - next, c.now().Sub(oldest[0].Received.Go()), nil
}
