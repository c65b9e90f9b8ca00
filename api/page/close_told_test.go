package page_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/page"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/statement"
)

// busy is a closer that closes March for all pairs.
type busy struct{ closer }

func (*busy) Underway() *rest.Underway {
	return &rest.Underway{Period: 202603, CloseProgress: statement.CloseProgress{Stage: statement.StageWriting, Lines: 654_321}}
}

func (b *busy) Close(ctx context.Context, r statement.CloseRequest) (*statement.CloseResult, error) {
	return b.closer.Close(ctx, r)
}

// How many lines the close of all pairs has is not told to a key of one party, as the API
// does not tell it (GET /periods/closing).
func TestACloseUnderWayIsNotToldToAParty(t *testing.T) {
	engine, agreed := gin.New(), reporttest.Agreed(t)
	books := drafts{draftOf(ocpi.NewParty("GB", "DUN"), ocpi.NewParty("DE", "VOL"), "EUR", 6)}
	d := page.Deps{Reader: reporttest.World(60), Closes: reporttest.January, Clearing: agreed, Keys: apiKeys{}, Logger: slog.New(slog.DiscardHandler), Drafts: books}
	asMonths(&d, agreed)
	d.Closing.Closer = &busy{}
	page.Mount(engine, d)
	s := site{Handler: engine}
	for key, told := range map[string]bool{"all": true, "decides": true, "volt": false} {
		if got := content(t, s.get(t, "/close?period=2026-03", key)); strings.Contains(got, "A close of 2026-03 is under way") != told {
			t.Errorf("%s is told: %t:\n%s", key, !told, got)
		}
	}
}
