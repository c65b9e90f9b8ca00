package ocpi

// ParseNumber reads a JSON number exactly: digits with an optional fraction
// and exponent, which is applied, so that "1e-3" is 0.001. The scale is kept
// as sent where the bounds allow it; where they do not, only zeros at the end
// are dropped. Errors: ErrNumberSyntax, ErrNumberRange.
func ParseNumber[T string | []byte](s T) (Number, error) {
	n, end, err := scanNumber(s, 0)
	if end != len(s) {
		return Number{}, ErrNumberSyntax
	}
	return n, err
}

// scanNumber reads the number that starts at s[i] and returns where it ends.
// After ErrNumberSyntax the end is where the number stops making sense, after
// ErrNumberRange it is the number's end all the same.
func scanNumber[T string | []byte](s T, i int) (Number, int, error) {
	start, neg := i, false
	if i < len(s) && s[i] == '-' {
		neg = true
		i++
	}
	first := i
	var coef uint64 // wraps for long numbers, which the slow path reads again
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		coef = coef*10 + uint64(s[i]-'0')
	}
	ints, scale := i-first, 0
	if ints == 0 || ints > 1 && s[first] == '0' {
		return Number{}, first, ErrNumberSyntax
	}
	if i < len(s) && s[i] == '.' {
		i++
		frac := i
		for ; i < len(s) && s[i]-'0' <= 9; i++ {
			coef = coef*10 + uint64(s[i]-'0')
		}
		if scale = i - frac; scale == 0 {
			return Number{}, i, ErrNumberSyntax
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' || ints+scale > MaxNumberDigits || scale > MaxNumberDecimals {
		return scanLongNumber(s, start)
	}
	n := Number{coef: int64(coef), scale: uint8(scale), flags: numberSet}
	if neg {
		n.coef = -n.coef
	}
	return n, i, nil
}

// scanLongNumber reads a number with an exponent or more digits than fit
// without a closer look.
func scanLongNumber[T string | []byte](s T, i int) (Number, int, error) {
	end, ok := numberEnd(s, i)
	if !ok {
		return Number{}, end, ErrNumberSyntax
	}
	d := dissect(s[i:end])
	if d.digits == 0 {
		return NewNumber(0, uint8(min(max(d.scale, 0), MaxNumberDecimals))), end, nil
	}
	// Without the zeros at its end the number is coef × 10^-bare, with as
	// many of them as fit it keeps the scale it was sent with.
	significant := d.digits - d.zeros
	bare := d.scale - d.zeros
	scale := max(bare, 0)
	if significant > MaxNumberDigits || bare > MaxNumberDecimals || significant+scale-bare > MaxNumberDigits {
		return Number{}, end, ErrNumberRange
	}
	scale = max(scale, min(d.scale, MaxNumberDecimals, bare+MaxNumberDigits-significant))
	var coef int64
	for j, left := i, significant; left > 0; j++ {
		if c := s[j] - '0'; c <= 9 && (c != 0 || coef != 0) {
			coef = coef*10 + int64(c)
			left--
		}
	}
	for range scale - bare {
		coef *= 10
	}
	if s[i] == '-' {
		coef = -coef
	}
	return NewNumber(coef, uint8(scale)), end, nil
}

// numberEnd returns where the JSON number that starts at s[i] ends; ok is
// false when there is none, and end is then where it went wrong.
func numberEnd[T string | []byte](s T, i int) (end int, ok bool) {
	if i < len(s) && s[i] == '-' {
		i++
	}
	first := i
	if i = digitsEnd(s, i); i == first || i-first > 1 && s[first] == '0' {
		return first, false
	}
	if i < len(s) && s[i] == '.' {
		frac := i + 1
		if i = digitsEnd(s, frac); i == frac {
			return i, false
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		exp := i
		if i = digitsEnd(s, exp); i == exp {
			return i, false
		}
	}
	return i, true
}

func digitsEnd[T string | []byte](s T, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

// numeral is a JSON number taken apart: its digits from the first that is not
// zero, read as an integer, times 10^-scale.
type numeral struct {
	digits int // 0 for the number zero
	zeros  int // how many of the digits are zeros at the end
	scale  int
}

// maxExponent is beyond what any body's digits could bring back into bounds.
const maxExponent = 1 << 40

// dissect takes a valid JSON number apart.
func dissect[T string | []byte](s T) (d numeral) {
	i, fraction := 0, false
	for ; i < len(s) && s[i]|0x20 != 'e'; i++ {
		switch c := s[i]; {
		case c == '.':
			fraction = true
			continue
		case c == '-':
			continue
		case c == '0' && d.digits > 0:
			d.zeros++
			d.digits++
		case c != '0':
			d.zeros = 0
			d.digits++
		}
		if fraction {
			d.scale++
		}
	}
	if i == len(s) {
		return d
	}
	exp := 0
	for _, c := range []byte(s[i+1:]) {
		if c -= '0'; c <= 9 && exp < maxExponent {
			exp = exp*10 + int(c)
		}
	}
	if s[i+1] == '-' {
		exp = -exp
	}
	d.scale -= exp
	return d
}

// Add returns n + o with the longer of their scales; absent counts as zero. ok
// is false when the sum is out of a Number's bounds.
func (n Number) Add(o Number) (sum Number, ok bool) {
	if n.scale < o.scale {
		n, o = o, n
	}
	// o has the same scale as n once it is multiplied so.
	if factor := pow10[n.scale-o.scale]; -maxCoef/factor < o.coef && o.coef < maxCoef/factor {
		if c := n.coef + o.coef*factor; -maxCoef < c && c < maxCoef {
			return NewNumber(c, n.scale), true
		}
	}
	exact := n.Decimal().Add(o.Decimal())
	sum, err := ParseNumber(exact.StringFixed(int32(n.scale)))
	return sum, err == nil
}

const maxCoef = 1e18 // one beyond the largest coefficient of 18 digits

var pow10 = [MaxNumberDecimals + 1]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12}
