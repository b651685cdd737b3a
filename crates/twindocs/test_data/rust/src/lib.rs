//! A store.

mod stock;
pub mod text;

pub use stock::Stock as Store;
use text::{clean as tidy, *};

/// Starts.
pub fn start() -> usize {
    let mut store = Store::new("a");
    store.add(tidy("x"));
    let add_one = |n: usize| plus(n);
    fn inner() -> usize {
        shout("b").len()
    }
    add_one(inner()) + store.count() + crate::text::deep::fold()
}

fn plus(n: usize) -> usize {
    n + 1
}

/// Anything that can be shown.
pub fn show_all<S: stock::Show>(all: &[S]) {
    for one in all {
        println!("{} {}", one.show(), plus(1));
    }
    apply(tidy);
}

fn apply(f: fn(&str) -> String) {
    f("c");
}

/// A variable is called like the module it comes from.
pub fn shadow() -> usize {
    let text = text::shout("s");
    let plus = plus(text.len());
    plus
}
