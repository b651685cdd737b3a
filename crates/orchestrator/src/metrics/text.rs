//! Prometheus' text form, version 0.0.4. Only metrics of the catalogue can be written, each with its HELP and TYPE once.

use std::fmt::Write as _;

use journal::Distribution;

use super::catalog::{Metric, metric};

/// Media type of the text form.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Text under construction.
#[derive(Debug, Default)]
pub(super) struct Text {
    text: String,
}

/// The samples of one metric.
#[derive(Debug)]
pub(super) struct Family<'a> {
    text: &'a mut String,
    metric: Option<&'static Metric>,
}

impl Text {
    /// Begins a metric; everything of it is written before the next one.
    pub(super) fn family(&mut self, name: &str) -> Family<'_> {
        let metric = metric(name);
        debug_assert!(metric.is_some(), "{name} is not in the catalogue");
        if let Some(metric) = metric {
            let kind = metric.kind.word();
            let _ = write!(self.text, "# HELP {name} {}\n# TYPE {name} {kind}\n", metric.help);
        }
        Family { text: &mut self.text, metric }
    }

    /// One metric with one sample without labels.
    pub(super) fn one(&mut self, name: &str, value: impl Into<Value>) {
        self.family(name).sample(&[], value);
    }

    /// All of it.
    #[must_use]
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// A number of a sample.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    /// Whole.
    Whole(u64),
    /// With a fraction.
    Real(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Whole(value as u64)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Whole(u64::from(value))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl Family<'_> {
    /// Writes a sample; values in the order of the metric's labels.
    pub(super) fn sample(&mut self, values: &[&str], value: impl Into<Value>) {
        self.line("", values, None, value.into());
    }

    /// Writes a histogram whose observations were counted in `per_unit` parts of the base unit.
    pub(super) fn distribution(&mut self, values: &[&str], distribution: &Distribution, per_unit: f64) {
        #[expect(clippy::cast_precision_loss, reason = "a sum above 2^53 microseconds is 285 years")]
        let real = |value: u64| value as f64 / per_unit;
        for (bound, count) in &distribution.buckets {
            self.line("_bucket", values, Some(&real(*bound).to_string()), (*count).into());
        }
        self.line("_bucket", values, Some("+Inf"), distribution.count.into());
        self.line("_sum", values, None, real(distribution.sum).into());
        self.line("_count", values, None, distribution.count.into());
    }

    fn line(&mut self, suffix: &str, values: &[&str], le: Option<&str>, value: Value) {
        let Some(metric) = self.metric else { return };
        debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
        let _ = write!(self.text, "{}{suffix}", metric.name);
        let labels = metric.labels.iter().copied().zip(values.iter().copied()).chain(le.map(|le| ("le", le)));
        let mut between = '{';
        for (label, value) in labels {
            let _ = write!(self.text, "{between}{label}=\"{}\"", Escaped(value));
            between = ',';
        }
        if between == ',' {
            self.text.push('}');
        }
        let _ = match value {
            Value::Whole(value) => writeln!(self.text, " {value}"),
            Value::Real(value) => writeln!(self.text, " {value}"),
        };
    }
}

/// A label's value with what the form needs escaped.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
