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

    /// How much more there is in the middle of the last third than in that of the one before. Medians: each segment of the
    /// journal that begins or ends is a bump of its own, and a line through a bump at the end of the time rises.
    pub(super) fn growth(&self) -> f64 {
        let third = self.points.len() / 3;
        let [_, before, last] = [0, 1, 2].map(|n| median(&self.points[n * third..(n + 1) * third]));
        last - before
    }

    fn most(&self) -> f64 {
        self.points.iter().map(|(_, figure)| *figure).fold(0.0, f64::max)
    }

    pub(super) fn words(&self) -> String {
        format!(
            "{}: most {:.1} {unit}, second half {:.1} {unit} in the mean, growth over a third {:+.1}, slope {:+.3} {unit} a minute",
            self.name,
            self.most(),
            self.mean(),
            self.growth(),
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

/// The figure in the middle; 0 of none.
fn median(points: &[(f64, f64)]) -> f64 {
    let mut figures: Vec<f64> = points.iter().map(|(_, figure)| *figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::{Curve, svg};

    fn curve(figure: impl Fn(u32) -> f64) -> Curve {
        let mut curve = Curve::new("memory", "MiB");
        (0..240).for_each(|at| curve.add(f64::from(at) / 20.0, figure(at)));
        curve
    }

    #[test]
    fn a_bump_is_no_growth_and_a_leak_is() {
        let bump = |at| if at % 70 < 12 { 20.0 } else { 0.0 };
        assert!(curve(|at| 100.0 + bump(at)).growth().abs() < 1.0);
        assert!(curve(|at| 100.0 + bump(at) + f64::from(at) / 7.0).growth() > 10.0, "12 MiB in each third");
        let rises = curve(f64::from);
        assert!((rises.slope() - 20.0).abs() < 1e-9 && (rises.growth() - 80.0).abs() < 1e-9);
        let rose = curve(|at| f64::from(at.min(100)));
        assert!(rose.growth().abs() < 1e-9, "what only rose is flat");
        assert!(svg(&[&rises, &rose]).matches("polyline").count() == 2 && rises.draw().contains('█'));
        assert!(curve(|at| if at < 200 { 100.0 } else { 100.0 + bump(at + 3) }).growth().abs() < 1.0);
    }
}
