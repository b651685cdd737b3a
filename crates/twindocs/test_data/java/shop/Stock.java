package shop;

import java.util.*;
import shop.text.*;

public class Stock {
    private final List<Item> items = new ArrayList<>();
    private final Map<String, Item> byName = new HashMap<>();
    private Special best = new Special();

    static class Special extends Item {
        Special() {
            super("s");
        }

        @Override
        public int area() {
            return super.area() + half();
        }
    }

    public Stock add(Item item) {
        items.add(item);
        return this;
    }

    public int sum(Shape shape) {
        int all = 0;
        for (Item item : items) {
            all += item.total(2);
        }
        var first = items.get(0);
        all += first.total();
        items.forEach(Item::area);
        Runnable run = () -> helper();
        run.run();
        byName.get("x").total();
        Texts.shout("y");
        return all + best.total() + shape.area();
    }

    private void helper() {}

    public static void main(String[] args) {
        new Stock().add(new Item("a")).sum(null);
    }
}
