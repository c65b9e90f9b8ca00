package report

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// maxDifferences bounds the members listed in which a copy differs.
const maxDifferences = 200

// Content is one thing that was said under a CDR's identity, with what it claims;
// amounts that it does not tell are nil.
type Content struct {
	settlement.CopyBody
	Currency   string
	Excl, Incl *decimal.Decimal
}

// OtherContent is a content that does not count, held against the one that does.
type OtherContent struct {
	Content
	MoreExcl, MoreIncl *decimal.Decimal // it claims more than the one that counts; nil where that is not known
	Differs            []ocpi.Difference
	Left               int // further members that differ
}

// Contents are all that came under an identity.
type Contents struct {
	Key    ocpi.Key
	Counts Content
	Others []OtherContent
	More   int // other contents that are not read
}

// Compare reads what came under an identity that the key may see, and says in
// what it differs. The error wraps [settlement.ErrNotFound] for what it may not.
func Compare(ctx context.Context, k rest.Key, r settlement.Reader, key ocpi.Key) (*Contents, error) {
	if _, err := visible(ctx, k, r, key); err != nil {
		return nil, err
	}
	stored, err := r.Contents(ctx, key)
	if err != nil {
		return nil, err
	}
	out := &Contents{Key: key, Counts: newContent(stored.Counts), More: stored.More}
	for _, c := range stored.Others {
		other := OtherContent{Content: newContent(c)}
		if other.Differs, other.Left, err = ocpi.Diff(stored.Counts.Body, c.Body, maxDifferences); err != nil {
			return nil, fmt.Errorf("compare copy %s: %w", c.Position, err)
		}
		if other.Currency == out.Counts.Currency {
			other.MoreExcl, other.MoreIncl = less(other.Excl, out.Counts.Excl), less(other.Incl, out.Counts.Incl)
		}
		out.Others = append(out.Others, other)
	}
	return out, nil
}

// newContent reads what a copy claims, as the intake did when it accepted it.
func newContent(c settlement.CopyBody) Content {
	content := Content{CopyBody: c}
	cdr, err := new(ocpi.Decoder).CDR(c.Version, c.Body)
	if err != nil {
		return content // of an earlier version that accepted more
	}
	content.Currency = cdr.Currency
	content.Excl, content.Incl = cdr.TotalCost.Excl.DecimalOrNil(), cdr.TotalCost.Incl.DecimalOrNil()
	return content
}

func less(a, b *decimal.Decimal) *decimal.Decimal {
	if a == nil || b == nil {
		return nil
	}
	d := a.Sub(*b)
	return &d
}

// contentJSON is a content as the API shows it. Raw is the body but for white
// space.
type contentJSON struct {
	copyJSON
	Version  string          `json:"version"`
	Currency string          `json:"currency"`
	Claimed  *amountJSON     `json:"claimed"`
	Raw      json.RawMessage `json:"raw"`
}

type otherContentJSON struct {
	contentJSON
	Difference  *amountJSON      `json:"difference"`
	Differs     []differenceJSON `json:"differs"`
	MoreDiffers int              `json:"more_differs,omitempty"`
}

// differenceJSON is a member in which a copy differs from the one that counts.
type differenceJSON struct {
	Path   string          `json:"path"`
	Counts json.RawMessage `json:"counts,omitempty"`
	Other  json.RawMessage `json:"other,omitempty"`
}

func newContentJSON(c *Content) contentJSON {
	return contentJSON{
		copyJSON: newCopy(&c.Copy), Version: c.Version.String(), Currency: c.Currency,
		Claimed: newAmount(c.Excl, c.Incl), Raw: c.Body,
	}
}

// contents answers GET /api/v1/conflicts/{country}/{party}/{id}.
func (s *server) contents(c *gin.Context, key rest.Key) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	k, err := rest.PathKey(c)
	if err != nil {
		return err
	}
	found, err := Compare(c.Request.Context(), key, s.reader, k)
	if err != nil {
		return fmt.Errorf("compare copies of %s: %w", k, err)
	}
	others := make([]otherContentJSON, len(found.Others))
	for i := range found.Others {
		o := &found.Others[i]
		others[i] = otherContentJSON{
			contentJSON: newContentJSON(&o.Content), Difference: newAmount(o.MoreExcl, o.MoreIncl),
			Differs: []differenceJSON{}, MoreDiffers: o.Left,
		}
		for _, d := range o.Differs {
			others[i].Differs = append(others[i].Differs, differenceJSON{d.Path, d.First, d.Other})
		}
	}
	rest.WriteJSON(c, http.StatusOK, map[string]any{
		"cpo": k.Party.String(), "id": k.ID, "counts": newContentJSON(&found.Counts), "others": others, "more": found.More, "url": "/api/v1" + CDRPath(k),
	})
	return nil
}

// ContentsPath is the path of what came under an identity below /api/v1, and of
// its page.
func ContentsPath(k ocpi.Key) string { return "/conflicts" + rest.KeyPath(k) }
