//! JSON that the engine carries but does not look into: kept as text, so that it is neither parsed nor copied on its way
//! from a callback through the journal into the next start request.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON value as text, cheap to clone. Parsed only where a condition asks for it.
#[derive(Clone)]
pub struct Payload(Arc<RawValue>);

impl Payload {
    /// The JSON `null`.
    #[must_use]
    pub fn null() -> Self {
        Self::from_value(&serde_json::Value::Null)
    }

    /// Takes raw JSON as it came over the wire.
    #[must_use]
    pub fn from_raw(raw: Box<RawValue>) -> Self {
        Self(raw.into())
    }

    /// Checks that `text` is JSON and takes it.
    ///
    /// # Errors
    /// What is wrong with the JSON, with line and column.
    pub fn from_text(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self::from_raw)
    }

    /// Writes a value as text.
    #[must_use]
    pub fn from_value(value: &serde_json::Value) -> Self {
        let text = value.to_string();
        Self::from_text(text).unwrap_or_else(|_| Self::null())
    }

    /// The text.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The raw value, to be embedded in a larger document without a copy of its structure.
    #[must_use]
    pub fn raw(&self) -> &RawValue {
        &self.0
    }

    /// The parsed value. A payload is JSON by construction; `null` stands for what nests too deep for the parser.
    #[must_use]
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(self.get()).unwrap_or(serde_json::Value::Null)
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::null()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from_raw)
    }
}
