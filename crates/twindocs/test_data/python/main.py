import shop
import shop.stock as st
from shop import Store, clean


def start():
    Store().sum()
    clean("a")
    st.main(None)
    shop.stock.main(None)
    table = {"a": start, "b": clean}
    table["b"]("x")
