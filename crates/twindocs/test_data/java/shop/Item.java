package shop;

import static shop.text.Texts.clean;

public class Item implements Shape {
    protected final String name;

    public Item(String name) {
        this.name = clean(name);
    }

    public int area() {
        return 1;
    }

    public int total() {
        return area() * 2;
    }

    public int total(int times) {
        return this.total() * times;
    }
}
