package store

type Shape interface {
	Area() int
}

type Base struct{ id int }

func (b *Base) ID() int { return b.id }

type Item struct {
	Base
	Name string
}

func (i *Item) Area() int { return len(clean(i.Name)) + i.ID() }

type Stock struct {
	items  []*Item
	byName map[string]*Item
	best   *Item
}

func New(name string) *Stock {
	s := &Stock{}
	s.Add(&Item{Name: name})
	return s
}

func (s *Stock) Add(item *Item) { s.items = append(s.items, item) }

func (s *Stock) First() *Item { return s.items[0] }

func (s *Stock) Total() int {
	sum := 0
	for _, item := range s.items {
		sum += item.Area()
	}
	found, ok := s.byName["x"]
	if ok {
		sum += found.ID()
	}
	return sum + s.best.Base.ID() + s.First().Area()
}

func Visit(f func()) { defer f() }
