package store

import "strings"

func clean(text string) string { return strings.TrimSpace(text) }

func measure(any interface{}) int {
	if shape, ok := any.(Shape); ok {
		return shape.Area()
	}
	switch kind := any.(type) {
	case *Stock:
		return kind.Total()
	}
	return 0
}
