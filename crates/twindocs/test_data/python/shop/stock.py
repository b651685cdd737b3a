from __future__ import annotations
from typing import Optional

from . import helpers as h
from .helpers import clean as tidy, twice, apply


class Item:
    def __init__(self, name: str):
        self.name = tidy(name)

    def price(self):
        return 1

    def total(self):
        return self.price() * 2


class Special(Item):
    def __init__(self, name):
        super().__init__(name)

    def price(self):
        return 3

    @classmethod
    def make(cls):
        return cls("x")


class Stock:
    def __init__(self):
        self.items: list[Item] = []
        self.last = Special("last")

    def add(self, item: Item) -> Stock:
        self.items.append(item)
        return self

    def first(self) -> Optional[Item]:
        for item in self.items:
            item.total()
        return self.items[0] if self.items else None

    def sum(self):
        self.last.total()
        return self.add(Item("y")).first().price()


@twice
def report(stock):
    def line(item):
        return h.clean(item.name)
    return line(stock.last)


def main(unknown):
    stock = Stock()
    report(stock)
    apply(tidy, "z")
    list(map(tidy, []))
    Special.make().total()
    unknown.run()
