package clearing

import (
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/settlement"
)

// cutData says up to where CDRs of a partition counted.
type cutData struct {
	Epoch     uint8 `json:"epoch"`
	Partition int32 `json:"partition"`
	Below     int64 `json:"below"`
}

// cutOf is what an event says of ends, in order.
func cutOf(ends settlement.Ends) []cutData {
	cut := []cutData{}
	for p, below := range ends {
		cut = append(cut, cutData{p.Epoch, p.Number, below})
	}
	slices.SortFunc(cut, cutData.compare)
	return cut
}

// endsOf are the ends that a valid event says.
func endsOf(cut []cutData) settlement.Ends {
	ends := settlement.Ends{}
	for _, p := range cut {
		ends[ingest.Partition{Topic: ingest.TopicCDRs, Epoch: p.Epoch, Number: p.Partition}] = p.Below
	}
	return ends
}

func validateCut(cut []cutData) error {
	if len(cut) > maxCut {
		return control.Invalid("cut: %d partitions, want at most %d", len(cut), maxCut)
	}
	for i, p := range cut {
		if p.Partition < 0 || p.Below < 0 || i > 0 && cut[i-1].compare(p) >= 0 {
			return control.Invalid("cut.%d: want partitions once each, by epoch and number, and no negative number", i)
		}
	}
	return nil
}

func (p cutData) compare(o cutData) int {
	if p.Epoch != o.Epoch {
		return int(p.Epoch) - int(o.Epoch)
	}
	return int(p.Partition) - int(o.Partition)
}
