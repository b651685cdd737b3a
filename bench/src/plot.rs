//! Plots as SVG, in colours that can be read on white and on black.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 64.0;
const COLOURS: [&str; 4] = ["#3b7dd8", "#d9822b", "#2f9e6e", "#a45bd4"];

/// A line.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its name.
    pub name: &'static str,
    /// Its points; x is drawn as a logarithm.
    pub points: Vec<(f64, f64)>,
}

/// Bars with their values, and a dashed line for a budget.
#[must_use]
pub fn bars(title: &str, groups: &[(String, f64)], budget: Option<f64>) -> String {
    let top = nice(groups.iter().map(|one| one.1).chain(budget).fold(0.0, f64::max));
    let mut svg = frame(title, top);
    let step = (WIDTH - LEFT - RIGHT) / groups.len().max(1) as f64;
    for (number, (name, value)) in groups.iter().enumerate() {
        let (x, y) = (LEFT + step * number as f64 + step * 0.2, height(*value, top));
        let (wide, middle) = (step * 0.6, LEFT + step * (number as f64 + 0.5));
        let _ = write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{:.1}\" rx=\"3\" fill=\"{}\"/>\
             <text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value:.2}</text>\
             <text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
            HEIGHT - BOTTOM - y,
            COLOURS[0],
            y - 6.0,
            HEIGHT - BOTTOM + 18.0
        );
    }
    close(svg, top, budget)
}

/// Lines over a logarithmic x, and a dashed line for a budget.
#[must_use]
pub fn lines(title: &str, below: &str, series: &[Series], budget: Option<f64>) -> String {
    let all = || series.iter().flat_map(|one| &one.points);
    let top = nice(all().map(|point| point.1).chain(budget).fold(0.0, f64::max));
    let (least, most) =
        all().fold((f64::MAX, 1.0_f64), |(least, most), point| (least.min(point.0), most.max(point.0)));
    let span = (most.log10() - least.log10()).max(1e-9);
    let place = |x: f64| LEFT + 20.0 + (x.log10() - least.log10()) / span * (WIDTH - LEFT - RIGHT - 40.0);
    let mut svg = frame(title, top);
    for (number, one) in series.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let path: Vec<String> =
            one.points.iter().map(|&(x, y)| format!("{:.1},{:.1}", place(x), height(y, top))).collect();
        let _ = write!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for &(x, y) in &one.points {
            let (at, up) = (place(x), height(y, top));
            let _ = write!(
                svg,
                "<circle cx=\"{at:.1}\" cy=\"{up:.1}\" r=\"3.5\" fill=\"{colour}\"/>\
                 <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{colour}\">{}</text>",
                up - 8.0 - 12.0 * number as f64,
                short(y)
            );
        }
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">■ {}</text>",
            LEFT + 190.0 * number as f64,
            HEIGHT - 8.0,
            one.name
        );
    }
    if let Some(one) = series.first() {
        for &(x, _) in &one.points {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                place(x),
                HEIGHT - BOTTOM + 18.0,
                short(x)
            );
        }
    }
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{below}</text>",
        WIDTH - RIGHT,
        HEIGHT - BOTTOM + 36.0
    );
    close(svg, top, budget)
}

fn frame(title: &str, top: f64) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\
         <style>text{{font:12px system-ui,sans-serif;fill:#777}}.t{{font-size:14px;font-weight:600}}\
         path,line{{stroke:#8885}}</style><text class=\"t\" x=\"{LEFT}\" y=\"22\">{title}</text>"
    );
    for quarter in 0..=4 {
        let value = top * f64::from(quarter) / 4.0;
        let y = height(value, top);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0,
            short(value)
        );
    }
    svg
}

fn close(mut svg: String, top: f64, budget: Option<f64>) -> String {
    if let Some(budget) = budget {
        let y = height(budget, top);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" style=\"stroke:#c0392b\" stroke-dasharray=\"6 4\"/>",
            WIDTH - RIGHT
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn height(value: f64, top: f64) -> f64 {
    HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)
}

/// The next round number at or above.
fn nice(value: f64) -> f64 {
    let unit = 10_f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 2.5, 4.0, 5.0, 8.0, 10.0]
        .into_iter()
        .map(|times| times * unit)
        .find(|it| *it >= value * 1.05)
        .unwrap_or(20.0 * unit)
}

fn short(value: f64) -> String {
    match value {
        big if big >= 1e6 => format!("{}M", big / 1e6),
        big if big >= 1e4 => format!("{}k", (big / 1e3).round()),
        middle if middle >= 100.0 || middle.fract() == 0.0 => format!("{middle:.0}"),
        small if small >= 10.0 => format!("{small:.1}"),
        tiny => format!("{tiny:.2}"),
    }
}
