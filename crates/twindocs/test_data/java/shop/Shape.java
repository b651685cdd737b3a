package shop;

public interface Shape {
    int area();

    default int half() {
        return area() / 2;
    }
}
