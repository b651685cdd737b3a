package shop.text;

public final class Texts {
    public static String clean(String text) {
        return text.trim();
    }

    public static String shout(String text) {
        return clean(text).toUpperCase();
    }
}
