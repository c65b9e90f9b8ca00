package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newest is a body of OCPI 2.2.1 as 2.3.0 has it: amounts before taxes and taxes, prices
// that say whether they are in it.
func newest(body string) string {
	return strings.NewReplacer(`"total_cost":{"excl_vat":7.00,"incl_vat":8.40}`, `"total_cost":{"before_taxes":7,"taxes":[{"name":"VAT","percentage":20,"amount":1.4}]}`,
		`"total_cost":{"excl_vat":9.00,"incl_vat":10.80}`, `"total_cost":{"before_taxes":9.000,"taxes":[{"name":"VAT","amount":1.5},{"name":"city","amount":0.3}]}`,
		`"total_cost":{"excl_vat":-7.00,"incl_vat":-8.40}`, `"total_cost":{"before_taxes":-7,"taxes":[{"name":"VAT","percentage":20,"amount":-1.4}]}`,
		`"currency":"GBP","elements"`, `"currency":"GBP","tax_included":"NO","elements"`).Replace(body)
}

// One installation is sent everything in 2.2.1 as it happened; the other in 2.3.0, in no
// order and twice, reference data after the CDRs, with a foreign eMSP's CDRs around that
// were closed before. Both issue the same bytes, and one flipped figure is named.
func TestTwoInstallationsOfTwoVersions(t *testing.T) {
	var bodies []string
	for i := range 6 {
		bodies = append(bodies, testCDR(fmt.Sprintf("c-%d", i), "EXW", "T1", "7.00", "8.40"))
	}
	for i := range 3 { // what is claimed is not what it comes to
		bodies = append(bodies, testCDR(fmt.Sprintf("d-%d", i), "EXW", "T1", "9.00", "10.80"), testCDR(fmt.Sprintf("e-%d", i), "EMP", "T1", "9.00", "10.80"))
	}
	bodies = append(bodies, credited(testCDR("c-1-C", "EXW", "T1", "-7.00", "-8.40"), "c-1"))
	for i := range bodies {
		bodies[i] = strings.Replace(bodies[i], `"session_id":"S1"`, fmt.Sprintf(`"session_id":"S%d"`, i), 1)
	}
	begin := func() *testService {
		s := startTest(t, t.TempDir())
		s.partner("CPO", "GB", "DUN")
		for _, emsp := range []string{"EXW", "EMP", "QQQ"} {
			s.partner("EMSP", "NL", emsp)
		}
		s.financeKey()
		return s
	}
	command := func(s *testService, args string, code int, wants ...string) string {
		t.Helper()
		stdout, stderr, got := runCommand(t, newRootCmd(), "", append(strings.Fields(args), "--data", s.data)...)
		for _, want := range wants {
			if !strings.Contains(strings.Join(strings.Fields(stdout+" "+stderr), " "), want) {
				t.Errorf("%s: want %q in\n%s%s", args, want, stdout, stderr)
			}
		}
		if got != code {
			t.Fatalf("%s: exit code %d, want %d\n%s%s", args, got, code, stdout, stderr)
		}
		return stdout
	}
	agree := func(s *testService) {
		command(s, "agreement set --from 2019-01 --emsp NL*EMP owed=computed", 0)
	}

	one := begin()
	agree(one)
	one.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L1", testLocation)
	one.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	for _, body := range bodies {
		one.accepted("GB*DUN", "POST", cdrs, body)
	}
	one.stored(len(bodies))

	other := begin()
	const in230 = "/ocpi/2.3.0/receiver"
	foreign := strings.NewReplacer("2019-01-05", "2018-12-05").Replace(testCDR("f-1", "QQQ", "T1", "7.00", "8.40"))
	other.accepted("GB*DUN", "POST", other.url+in230+"/cdrs", newest(foreign))
	other.stored(1)
	command(other, "period close 2018-12 --emsp NL*QQQ", 0)
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 2 {
		for _, i := range rnd.Perm(len(bodies)) {
			other.accepted("GB*DUN", "POST", other.url+in230+"/cdrs", newest(bodies[i]))
		}
	}
	other.accepted("GB*DUN", "PUT", other.url+in230+"/locations/GB/DUN/L1", testLocation)
	other.accepted("GB*DUN", "PUT", other.url+in230+"/tariffs/GB/DUN/T1", newest(testTariff))
	other.stored(1 + len(bodies))
	command(other, "reprice --from 2019-01 --to 2019-01 --quiet --apply", 0) // they came before their tariff
	agree(other)

	var files [2][]string
	for n, s := range []*testService{one, other} {
		command(s, "period close 2019-01 --cpo GB*DUN --emsp NL*EXW", 0)
		command(s, "period close 2019-01", 0)
		dir := filepath.Join(t.TempDir(), fmt.Sprint(n))
		command(s, "statement export --period 2019-01 --to "+dir, 0)
		for _, name := range []string{"GB-DUN_NL-EMP_2019-01_GBP.json", "GB-DUN_NL-EXW_2019-01_GBP.json"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			files[n] = append(files[n], string(b))
		}
		if n == 0 {
			continue
		}
		for i, file := range files[0] {
			if file != files[1][i] {
				t.Errorf("they differ:\n%s%s", file, files[1][i])
			}
			path := filepath.Join(dir, "theirs.json")
			if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
				t.Fatal(err)
			}
			command(s, "statement compare "+path, 0, "the same, byte for byte")
		}
	}
	if exw := files[0][1]; !strings.Contains(exw, `"lines":10,`) || !strings.Contains(exw, `"net":"62"`) {
		t.Errorf("NL*EXW owes nine claims less one: %s", exw)
	}
	if emp := files[0][0]; !strings.Contains(emp, `"lines":3,`) || !strings.Contains(emp, `"net":"21"`) {
		t.Errorf("NL*EMP owes what three come to, 7 each: %s", emp)
	}
	for _, s := range []*testService{one, other} {
		s.stop()
		if out, err := verifyAll(t, s.data); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
