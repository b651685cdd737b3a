package shop;

/** Overloads: which one is meant is in the arguments. */
public class Prices {
    static long sum(long[] all) { return sum(all, 0); }
    static long sum(long[] all, int from) { return all.length - from; }
    static double sum(double[] all) { return all.length; }
    static String shown(Object one) { return shown(one.toString()); }
    static String shown(String one) { return one.trim(); }
    static int most(int... all) { return all[0]; }
    static int most(int one, int other) { return most(new int[] { one, other }); }
    long whole() { return 1; }

    class Row {
        long all() { return Prices.this.whole(); }
    }
}
