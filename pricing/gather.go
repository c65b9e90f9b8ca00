package pricing

import (
	"context"

	"github.com/roamclear/roamclear/pricing/reference"
)

// chunk is how many prices that missed something are computed again together.
const chunk = 100

// filled is Inputs of which a part is not in memory: a *reference.View.
type filled interface {
	Begin()
	Missed() bool
	Fill(ctx context.Context) error
}

// Own returns Inputs for the use of one goroutine.
func Own(in Inputs) Inputs {
	if v, ok := in.(*reference.View); ok {
		return v.View()
	}
	return in
}

// Gather calls price for 0 to n-1, and again for those whose inputs were not all
// in memory, once they have been read: what price made then is what counts. So
// what is priced with tariffs in memory, nearly all, is priced as if there were
// no store, and the others ask it together. It stops early where price returns
// false. The error is the store's.
func Gather(ctx context.Context, in Inputs, n int, price func(i int) bool) error {
	again, inputs := firstPass(in, n, price)
	for len(again) > 0 {
		left := again[:min(chunk, len(again))]
		again = again[len(left):]
		inputs.Begin()
		for len(left) > 0 {
			if err := inputs.Fill(ctx); err != nil {
				return err
			}
			var still []int
			for _, i := range left {
				price(i)
				if inputs.Missed() {
					still = append(still, i)
				}
			}
			left = still
		}
	}
	return nil
}

// firstPass prices what can be priced at once, and returns the others.
func firstPass(in Inputs, n int, price func(i int) bool) (again []int, inputs filled) {
	inputs, _ = in.(filled)
	if inputs != nil {
		inputs.Begin()
	}
	for i := range n {
		more := price(i)
		if inputs != nil && inputs.Missed() {
			again = append(again, i)
		}
		if !more {
			break
		}
	}
	return again, inputs
}
