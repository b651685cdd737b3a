package store

type byID []*Item

func (all byID) Less(i, j int) bool { return all[i].ID() < all[j].ID() }
