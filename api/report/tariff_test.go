package report_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
)

func TestTariffGolden(t *testing.T) {
	s := newPriceSite(t)
	for name, path := range map[string]string{
		"tariffs.json":         "/api/v1/tariffs",
		"tariff.json":          "/api/v1/tariffs/fr/par/tiers",
		"tariff_odd.json":      "/api/v1/tariffs/GB/DUN/ODD",
		"tariff_doubtful.json": "/api/v1/tariffs/nl/opl/ac%2ffast%202",
	} {
		t.Run(name, func(t *testing.T) {
			w := s.get(t, "all", path)
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			golden(t, name, indent(t, w.Body.Bytes()))
		})
	}
}

// listed returns the keys of a page and the address of the next.
func (s site) listed(t *testing.T, key, path string) (ids []string, next string) {
	t.Helper()
	w := s.get(t, key, path)
	var got struct {
		Tariffs []struct{ Owner, ID, URL string }
		Next    *string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s: status %d, %v: %s", path, w.Code, err, w.Body)
	}
	ids = []string{}
	for _, k := range got.Tariffs {
		ids = append(ids, k.Owner+" "+k.ID)
		if one := s.get(t, key, k.URL); one.Code != http.StatusOK {
			t.Errorf("%s is listed, and answers %d", k.URL, one.Code)
		}
	}
	if got.Next != nil {
		next = strings.TrimSuffix(strings.TrimPrefix(w.Header().Get("Link"), "<"), `>; rel="next"`)
	}
	return ids, next
}

func TestTariffsAreListedInPages(t *testing.T) {
	s := newPriceSite(t)
	all := []string{"FR*PAR TIERS", "GB*DUN DAY-NIGHT", "GB*DUN ODD", "NL*OPL AC/fast 2"}
	for limit := 1; limit <= 4; limit++ {
		var got []string
		for next := fmt.Sprintf("/api/v1/tariffs?limit=%d", limit); next != ""; {
			var ids []string
			ids, next = s.listed(t, "all", next)
			got = append(got, ids...)
		}
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("limit %d: %s", limit, diff)
		}
	}
	for _, tc := range []struct {
		key, query string
		want       []string
	}{
		{"all", "?party=gb*dun", all[1:3]},
		{"dundee", "", all[1:3]},
		{"dundee", "?party=FR*PAR", []string{}},
		{"volt", "", []string{}},
		{"all", "?cursor=GB*DUN*E", all[2:]}, // which was withdrawn meanwhile
		{"all", "?cursor=NL*OPL*AC%2FFAST+2", []string{}},
	} {
		if got, _ := s.listed(t, tc.key, "/api/v1/tariffs"+tc.query); !cmp.Equal(tc.want, got) {
			t.Errorf("%s as %s: %v, want %v", tc.query, tc.key, got, tc.want)
		}
	}
}

// unread are Tariffs that have not been read from the store yet.
type unread struct{ followed }

type followed = report.Tariffs // embedded under its own name, Tariffs would hide the method

func (unread) Ready() bool { return false }

func TestTariffErrors(t *testing.T) {
	s := newPriceSite(t)
	starting := gin.New()
	report.Mount(starting, report.Deps{Auth: auth, Tariffs: unread{}, Logger: slog.New(slog.DiscardHandler)})
	const list = "/api/v1/tariffs"
	for _, tc := range []struct {
		site        site
		key, path   string
		status      int
		code, field string
	}{
		{s, "", list, 401, "unauthorized", ""},
		{s, "other-scope", list, 403, "missing_scope", ""},
		{s, "all", list + "?party=Dundee", 400, "invalid_parameter", "party"},
		{s, "all", list + "?limit=0", 400, "invalid_parameter", "limit"},
		{s, "all", list + "?cursor=DAY-NIGHT", 400, "invalid_parameter", "cursor"},
		{s, "all", list + "?cursor=GB*DUN*", 400, "invalid_parameter", "cursor"},
		{s, "all", list + "/GB/DUN/NIGHT", 404, "not_found", ""},
		{s, "volt", list + "/GB/DUN/ODD", 404, "not_found", ""},
		{s, "all", list + "/GB/DUN/ODD?x=1", 400, "invalid_parameter", "x"},
		{site{starting, nil}, "all", list, 503, "unavailable", ""},
		{site{starting, nil}, "all", list + "/GB/DUN/ODD", 503, "unavailable", ""},
	} {
		t.Run(fmt.Sprint(tc.status, " ", tc.path), func(t *testing.T) {
			w := tc.site.get(t, tc.key, tc.path)
			var got struct{ Error rest.Error }
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("status %d, not JSON: %s", w.Code, w.Body)
			}
			if w.Code != tc.status || got.Error.Code != tc.code || got.Error.Field != tc.field || got.Error.Message == "" {
				t.Errorf("status %d %+v; want %d %s %s", w.Code, got.Error, tc.status, tc.code, tc.field)
			}
		})
	}
	foreign, unknown := s.get(t, "volt", list+"/GB/DUN/ODD"), s.get(t, "volt", list+"/GB/DUN/NIGHT")
	if diff := cmp.Diff(unknown.Body.String(), foreign.Body.String()); diff != "" {
		t.Errorf("another's Tariff does not answer as an unknown one: %s", diff)
	}
}

// The raw body is spliced in as it came, byte for byte.
func TestTariffKeepsItsBytes(t *testing.T) {
	w := newPriceSite(t).get(t, "all", "/api/v1/tariffs/GB/DUN/DAY-NIGHT")
	if !strings.HasPrefix(w.Body.String(), `{"raw":`+reporttest.DayAndNight+`,`) {
		t.Errorf("answer begins %.300s", w.Body)
	}
}
