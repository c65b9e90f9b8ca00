package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	segmentio "github.com/segmentio/kafka-go"

	"github.com/roamclear/roamclear/ingest"
)

// raiseMessageSize lets topics that were created by an earlier version, or by
// hand, take messages as large as bodies may be. What must not be changed here
// refuses the start: large bodies would be accepted by nobody.
func (l *Log) raiseMessageSize(ctx context.Context, settings map[ingest.Topic]map[string]string) error {
	small := tooSmall(settings)
	if len(small) == 0 {
		return nil
	}
	req := &segmentio.IncrementalAlterConfigsRequest{}
	for _, t := range small {
		req.Resources = append(req.Resources, segmentio.IncrementalAlterConfigsRequestResource{
			ResourceType: segmentio.ResourceTypeTopic, ResourceName: l.opts.name(string(t)),
			Configs: []segmentio.IncrementalAlterConfigsRequestConfig{{
				Name: messageSetting, Value: strconv.Itoa(maxMessageBytes), ConfigOperation: segmentio.ConfigOperationSet,
			}},
		})
	}
	return retry(ctx, func() error {
		rctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		res, err := l.admin.IncrementalAlterConfigs(rctx, req)
		if err != nil {
			return fmt.Errorf("raise %s of topics: %w", messageSetting, err)
		}
		var refused []error
		for _, r := range res.Resources {
			t, _ := l.opts.topic(r.ResourceName) // those that were named
			if r.Error == nil {
				l.opts.Logger.Info("topic takes larger messages now", "topic", r.ResourceName, "from", settings[t][messageSetting], "to", maxMessageBytes)
				continue
			}
			f := fault{fmt.Sprintf("%s=%s, which a body may exceed, and it cannot be raised (%v)", messageSetting, settings[t][messageSetting], r.Error), fmt.Sprintf("%s=%d", messageSetting, maxMessageBytes)}
			refused = append(refused, fmt.Errorf("topic %s has %s", r.ResourceName, l.mend(t, f)))
		}
		if err := errors.Join(refused...); err != nil {
			return permanent{err}
		}
		return nil
	})
}

// tooSmall lists the topics of bodies that do not take the largest; one that the
// broker says nothing about was created as we want it.
func tooSmall(settings map[ingest.Topic]map[string]string) (small []ingest.Topic) {
	for _, t := range ingest.Topics() {
		size, err := strconv.Atoi(settings[t.Topic][messageSetting])
		if t.Stored() && err == nil && size < maxMessageBytes {
			small = append(small, t.Topic)
		}
	}
	return small
}
