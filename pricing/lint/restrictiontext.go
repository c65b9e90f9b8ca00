package lint

import (
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// restrictionText checks how the restrictions of an element are written.
func (c *checker) restrictionText(i int, n *node, v ocpi.Version) {
	if n == nil || n.kind != '{' {
		return
	}
	path := elementPath(i) + ".restrictions"
	if len(n.names) == 0 {
		c.add("empty_restrictions", ocpi.Info, path, "an empty object restricts nothing; leave it out")
	}
	c.members(n, path, restrictionMembers, v)
	for _, name := range []string{"start_time", "end_time"} {
		c.timeText(n.member(name), path+"."+name)
	}
	for _, name := range []string{"start_date", "end_date"} {
		if m := n.member(name); m != nil && m.kind == '"' {
			if _, ok := ocpi.ParseDate(m.text); ok {
				continue
			}
			if read, ok := c.read[path+"."+name]; ok {
				c.add("date_format", ocpi.Warning, path+"."+name, "not written as OCPI does: it is read as "+read+" here, other readers reject the tariff; write "+read)
			} else {
				c.add("date_format", ocpi.Serious, path+"."+name, "not a date, so the tariff cannot be priced; write it as 2019-05-06, local to the location, without a time")
			}
		}
	}
	c.enumValue(n.member("reservation"), path+".reservation", reservationValues, ocpi.Serious, "the tariff cannot be priced")
	c.dayText(n.member("day_of_week"), path+".day_of_week")
}

// timeText checks a local time, HH:MM from 00:00 to 23:59.
func (c *checker) timeText(n *node, path string) {
	if n == nil || n.kind != '"' {
		return
	}
	if _, ok := ocpi.ParseTimeOfDay(n.text); ok {
		return
	}
	if read, ok := c.read[path]; ok {
		code := "time_format"
		if strings.HasPrefix(n.text, "24:00") {
			code = "time_24_00"
		}
		c.add(code, ocpi.Warning, path, strconv.QuoteToASCII(n.text)+" is not a time of day as OCPI has it, HH:MM from 00:00 to 23:59: it is read as "+read+" here, other readers reject the tariff; write "+read)
		return
	}
	c.add("time_format", ocpi.Serious, path, "not a time of day, so the tariff cannot be priced; write HH:MM from 00:00 to 23:59, local to the location")
}

// dayText checks the names and the order of weekdays.
func (c *checker) dayText(n *node, path string) {
	if n == nil || n.kind != '[' {
		return
	}
	if len(n.children) == 0 {
		c.add("weekday_empty", ocpi.Warning, path, "no weekday at all: taken as no restriction, by other readers as never; leave day_of_week out")
	}
	var seen []int
	for k := range n.children {
		day := &n.children[k]
		at := path + "[" + strconv.Itoa(k) + "]"
		c.enumValue(day, at, dayValues, ocpi.Serious, "the tariff cannot be priced")
		index := slices.Index(dayValues, day.text)
		switch {
		case index < 0:
		case slices.Contains(seen, index):
			c.add("weekday_repeated", ocpi.Info, at, day.text+" is listed twice; remove one")
		case len(seen) > 0 && index < seen[len(seen)-1]:
			c.add("weekday_order", ocpi.Info, at, "the days are not in the order of the week; nothing changes, but they are easily misread")
		}
		if index >= 0 {
			seen = append(seen, index)
		}
	}
}
