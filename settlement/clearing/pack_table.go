package clearing

import "slices"

// packEntry is a pack as it is written down: what holds of all rules, and exceptions.
type packEntry struct {
	Pack
	others Effect
	except []exception
}

type exception struct {
	code   string
	effect Effect
	values []ParamValue // other than the rule's own
}

var packs = resolve([]packEntry{
	{
		Pack: Pack{Name: "observe", Edition: "observe-4", Source: underAgreement,
			Purpose: "Every rule notes what it finds, and changes no money: what everybody begins with."},
		others: Note,
	},
	{
		Pack: Pack{Name: "strict", Edition: "strict-4", Source: underAgreement,
			Purpose: "Whatever a rule strikes waits for a person, but what is below the minimum, of which nothing is owed."},
		others: Hold,
		except: []exception{{code: "below_minimum", effect: Zero}},
	},
	{
		Pack: Pack{Name: "hubject", Edition: "hubject-4", Source: hubjectErrors,
			Purpose: "What Hubject refuses by its public documents is rejected. Of two CDRs of a Session it takes the first: which one that is a person decides here, so that both wait."},
		others: Note,
		except: []exception{
			{code: "energy", effect: Reject, values: []ParamValue{{"max_kwh", "1000"}}},
			{code: "end_before_start", effect: Reject},
			{code: "negative_energy", effect: Reject},
			{code: "negative_amount", effect: Hold}, // OICP has no amounts
			{code: "foreign_evse", effect: Reject},
			{code: "session_billed_twice", effect: Hold},
		},
	},
	{
		Pack: Pack{Name: "eviolin", Edition: "eviolin-4", Source: eviolin,
			Purpose: "As the Dutch market agreed: of a charge below the minimum nothing is owed."},
		others: Note,
		except: []exception{{code: "below_minimum", effect: Zero}},
	},
	{
		Pack: Pack{Name: "market", Edition: "market-4", Source: thresholds,
			Purpose: "What operators and clearing houses commonly publish: what cannot be, or came too late, waits for a person; of a charge below the minimum nothing is owed; prices are only noted."},
		others: Note,
		except: []exception{
			{code: "energy", effect: Hold},
			{code: "peak_power", effect: Hold},
			{code: "energy_above_power", effect: Hold},
			{code: "end_before_start", effect: Hold},
			{code: "negative_energy", effect: Hold},
			{code: "negative_amount", effect: Hold},
			{code: "below_minimum", effect: Zero},
			{code: "age", effect: Hold},
			{code: "session_billed_twice", effect: Hold},
			{code: "charge_billed_twice", effect: Hold},
		},
	},
})

// resolve says of each pack what it says of every rule.
func resolve(entries []packEntry) []Pack {
	list := make([]Pack, len(entries))
	for i := range entries {
		e := &entries[i]
		list[i] = e.Pack
		for j := range rules {
			if rules[j].Structural {
				continue
			}
			p := PackRule{Code: rules[j].Code, Effect: e.others, Values: []ParamValue{}}
			x := slices.IndexFunc(e.except, func(x exception) bool { return x.code == p.Code })
			if x >= 0 {
				p.Effect = e.except[x].effect
			}
			for _, param := range rules[j].Params {
				v := ParamValue{param.Name, param.Default}
				if x >= 0 {
					if k := slices.IndexFunc(e.except[x].values, func(o ParamValue) bool { return o.Name == v.Name }); k >= 0 {
						v = e.except[x].values[k]
					}
				}
				p.Values = append(p.Values, v)
			}
			list[i].Rules = append(list[i].Rules, p)
		}
	}
	return list
}
