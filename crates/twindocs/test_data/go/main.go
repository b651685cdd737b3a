package main

import (
	"fmt"

	st "example.org/shop/store"
)

// Start starts.
func Start() {
	stock := st.New("a")
	stock.Add(&st.Item{Name: "b"})
	fmt.Println(stock.Total())
	var shape st.Shape = stock.First()
	shape.Area()
	run := func() { helper() }
	run()
	each(helper)
	st.Visit(helper)
}

func each(f func()) { f() }
