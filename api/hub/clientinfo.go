package hub

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// listClients serves the parties that the partner may exchange anything with (OCPI
// 2.2.1 mod_hub_client_info, "GET Method"), in an order that stays.
func (x *exchange) listClients() (answer, error) {
	query, w, err := x.window()
	if err != nil {
		return answer{}, err
	}
	after, err := base64.RawURLEncoding.DecodeString(w.After)
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", settlement.ErrCursor, err)
	}
	clients, err := x.clients(w)
	if err != nil {
		return answer{}, err
	}
	from := min(w.Offset, len(clients))
	if len(after) > 0 {
		from, _ = slices.BinarySearchFunc(clients, string(after), func(c clientInfo, after string) int { return cmp.Or(cmp.Compare(c.order, after), -1) })
	}
	to := min(from+w.Limit, len(clients))
	page := settlement.OCPIPage{Total: len(clients)}
	for _, c := range clients[from:to] {
		page.Bodies, page.Versions, page.Owners = append(page.Bodies, c.body), append(page.Versions, x.route.version), append(page.Owners, ocpi.Party{})
	}
	if to < len(clients) {
		page.Next = base64.RawURLEncoding.EncodeToString([]byte(clients[to-1].order))
	}
	return x.paged(query, w, page)
}

// clientInfo is a ClientInfo, with what the list is in the order of.
type clientInfo struct {
	order string
	body  []byte
}

// clients are those of the window, in order.
func (x *exchange) clients(w settlement.OCPIWindow) ([]clientInfo, error) {
	var list []clientInfo
	now := ocpi.TimeOf(x.s.Now())
	for _, c := range x.s.Partners.Counterparts(x.partner) {
		is := x.s.Partners.Presence(c.Partner, now)
		is.Since = max(is.Since, c.Since) // a reader by windows meets it when it may reach it, too
		if since := is.Since.Go(); !w.From.IsZero() && since.Before(w.From) || !w.To.IsZero() && !since.Before(w.To) {
			continue
		}
		body, err := json.Marshal(ocpi.ClientInfo{
			PartyID: c.Role.PartyID, CountryCode: c.Role.Country, Role: c.Role.Role, Status: is.Status, LastUpdated: is.Since.String(),
		})
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", c.Role, err)
		}
		list = append(list, clientInfo{c.Role.Party().String() + " " + c.Role.Role, body})
	}
	slices.SortFunc(list, func(a, b clientInfo) int { return cmp.Compare(a.order, b.order) })
	return list, nil
}
