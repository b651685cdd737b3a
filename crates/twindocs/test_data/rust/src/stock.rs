//! What a store keeps.

use std::sync::Arc;

use crate::text;

pub trait Show {
    fn name(&self) -> String;
    fn show(&self) -> String {
        self.name()
    }
}

#[derive(Clone)]
pub struct Item {
    name: String,
}

pub enum Kind {
    One(Item),
    None,
}

impl Item {
    pub fn new(name: &str) -> Self {
        Self { name: text::clean(name) }
    }
    fn price(&self) -> usize {
        self.name.len()
    }
}

impl Show for Item {
    fn name(&self) -> String {
        self.name.clone()
    }
}

pub struct Stock {
    items: Vec<Item>,
    best: Option<Arc<Item>>,
}

impl Stock {
    pub fn new(name: &str) -> Self {
        Self { items: vec![Item::new(name)], best: None }
    }
    pub fn add(&mut self, name: String) {
        let item = Item::new(&name);
        item.show();
        self.items.push(item);
    }
    pub fn count(&self) -> usize {
        if let Some(best) = &self.best {
            return best.price();
        }
        let first = self.items.first().unwrap();
        let kind = self.kind();
        match kind {
            Kind::One(item) => item.price() + first.price(),
            Kind::None => self.items.iter().map(Item::price).sum(),
        }
    }
    fn kind(&self) -> Kind {
        Kind::None
    }
    pub fn dynamic(&self, show: &dyn Show) -> String {
        show.show() + &show.name()
    }
}
