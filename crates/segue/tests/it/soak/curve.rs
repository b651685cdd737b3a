//! Figures over time: whether they are flat, and how they look.

use std::fmt::Write as _;

/// Columns of a drawing in the terminal.
const COLUMNS: usize = 80;

/// A figure over time.
#[derive(Debug)]
pub(super) struct Curve {
    name: &'static str,
    unit: &'static str,
    /// Minutes, and the figure.
    points: Vec<(f64, f64)>,
}

impl Curve {
    pub(super) fn new(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit, points: Vec::new() }
    }

    pub(super) fn add(&mut self, minutes: f64, figure: f64) {
        self.points.push((minutes, figure));
    }

    fn second_half(&self) -> &[(f64, f64)] {
        &self.points[self.points.len() / 2..]
    }

    /// Of the second half.
    pub(super) fn mean(&self) -> f64 {
        let half = self.second_half();
        half.iter().map(|(_, figure)| figure).sum::<f64>() / half.len() as f64
    }

    /// Per minute, by least squares over the second half.
    pub(super) fn slope(&self) -> f64 {
        let half = self.second_half();
        let count = half.len() as f64;
        let (middle, mean) = (half.iter().map(|(at, _)| at).sum::<f64>() / count, self.mean());
        let (mut above, mut below) = (0.0, 0.0);
        for (at, figure) in half {
            above += (at - middle) * (figure - mean);
            below += (at - middle).powi(2);
        }
        if below > 0.0 { above / below } else { 0.0 }
    }

    /// What the slope adds over the second half.
    pub(super) fn growth(&self) -> f64 {
        let half = self.second_half();
        let minutes = half.last().map_or(0.0, |(at, _)| *at) - half.first().map_or(0.0, |(at, _)| *at);
        self.slope() * minutes
    }

    fn most(&self) -> f64 {
        self.points.iter().map(|(_, figure)| *figure).fold(0.0, f64::max)
    }

    pub(super) fn words(&self) -> String {
        format!(
            "{}: most {:.1} {unit}, second half {:.1} {unit} in the mean, slope {:+.3} {unit} a minute",
            self.name,
            self.most(),
            self.mean(),
            self.slope(),
            unit = self.unit
        )
    }

    /// For the terminal: a line of bars from nothing to the most.
    pub(super) fn draw(&self) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = self.most().max(f64::MIN_POSITIVE);
        let columns = COLUMNS.min(self.points.len());
        let bar = |column: usize| {
            let (_, figure) = self.points[column * self.points.len() / columns];
            BARS[((figure / most * 7.99) as usize).min(7)]
        };
        format!("{}\n  {}", self.words(), (0..columns).map(bar).collect::<String>())
    }
}

/// All of them, one below the other.
pub(super) fn svg(curves: &[&Curve]) -> String {
    const WIDTH: f64 = 720.0;
    const HEIGHT: f64 = 120.0;
    let height = curves.len() as f64 * (HEIGHT + 40.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    for (number, curve) in curves.iter().enumerate() {
        let top = number as f64 * (HEIGHT + 40.0) + 24.0;
        let last = curve.points.last().map_or(1.0, |(at, _)| at.max(f64::MIN_POSITIVE));
        let most = curve.most().max(f64::MIN_POSITIVE);
        let points: Vec<String> = curve
            .points
            .iter()
            .map(|(at, figure)| {
                format!("{:.1},{:.1}", at / last * WIDTH, top + HEIGHT * (1.0 - figure / most))
            })
            .collect();
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{:.0}\">{}</text>\n<polyline fill=\"none\" stroke=\"#2563eb\" points=\"{}\"/>\n",
            top - 8.0,
            curve.words(),
            points.join(" ")
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[test]
fn what_rises_is_not_flat_and_what_only_rose_is() {
    let (mut rises, mut rose) = (Curve::new("rises", "MiB"), Curve::new("rose", "MiB"));
    for at in 0..100_u32 {
        rises.add(at.into(), at.into());
        rose.add(at.into(), at.min(50).into());
    }
    assert!((rises.slope() - 1.0).abs() < 1e-9 && (rises.growth() - 49.0).abs() < 1e-9);
    assert!(rose.growth().abs() < 1.0);
    assert!(svg(&[&rises, &rose]).matches("polyline").count() == 2 && rises.draw().contains('█'));
}
