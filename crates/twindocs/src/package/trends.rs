//! Agreement by iteration, drawn: two shares with the lines that are asked for, and below them what is left to decide.
//!
//! One SVG without a script; its colours follow the reader's light or dark. Values stand at the points, so that it says the same
//! without colours.

use std::fmt::Write as _;

use super::report::{Criterion, HistoryRow};

const WIDTH: f64 = 720.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 664.0;
/// The shares' plot, from its top to its bottom.
const SHARES: (f64, f64) = (64.0, 244.0);
/// The counts' plot.
const COUNTS: (f64, f64) = (312.0, 412.0);

const STYLE: &str = "<style>
:root{--ink:#1b2330;--faint:#5a6577;--line:#dfe3e8;--sheet:#fff;--calls:#3148c8;--texts:#0b7285;--same:#8a5300;--blocking:#b42318;--open:#8a5300}
@media(prefers-color-scheme:dark){:root{--ink:#e7ecf3;--faint:#a1adbf;--line:#2c3645;--sheet:#171e29;--calls:#91a7ff;--texts:#66d9e8;--same:#ffcf70;--blocking:#ff9a90;--open:#ffcf70}}
text{font:12px system-ui,sans-serif;fill:var(--faint)}.title{font-size:14px;font-weight:600;fill:var(--ink)}.value{font-size:11px}
.grid{stroke:var(--line)}.asked{stroke-dasharray:5 4;stroke-width:1.2;opacity:.75}.series{fill:none;stroke-width:2.2;stroke-linejoin:round}
.calls{stroke:var(--calls)}.texts{stroke:var(--texts)}.same{stroke:var(--same);stroke-dasharray:2 3}
.dot{fill:var(--sheet);stroke-width:2;stroke-dasharray:none}.bar-blocking{fill:var(--blocking)}.bar-open{fill:var(--open);opacity:.75}
.t-calls{fill:var(--calls)}.t-texts{fill:var(--texts)}.t-same{fill:var(--same)}
</style>";

struct Series {
    class: &'static str,
    label: &'static str,
    of: fn(&HistoryRow) -> f64,
    asked: Option<f64>,
}

/// Draws it. Without an iteration it says so.
#[must_use]
pub fn draw(history: &[HistoryRow], criteria: &[Criterion]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} 450\" role=\"img\" aria-label=\"{}\">{STYLE}",
        told(history)
    );
    svg.push_str("<rect width=\"100%\" height=\"100%\" fill=\"var(--sheet)\"/>");
    if history.is_empty() {
        svg.push_str(
            "<text x=\"360\" y=\"220\" text-anchor=\"middle\">No iteration was compared.</text></svg>\n",
        );
        return svg;
    }
    let asked = |name: &str| criteria.iter().find(|it| it.name == name).map(|it| it.target);
    let all = [
        Series { class: "same", label: "components alike", of: identical, asked: None },
        Series {
            class: "texts",
            label: "texts alike",
            of: |it| it.documentation_similarity,
            asked: asked("documentation"),
        },
        Series {
            class: "calls",
            label: "calls agree",
            of: |it| it.call_graph_match_rate,
            asked: asked("call_graph"),
        },
    ];
    let _ = write!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"24\">Agreement by iteration</text>");
    let mut x = LEFT;
    for one in all.iter().rev() {
        let _ = write!(
            svg,
            "<line class=\"series {c}\" x1=\"{x}\" x2=\"{}\" y1=\"42\" y2=\"42\"/><text class=\"t-{c}\" x=\"{}\" y=\"46\">{}</text>",
            x + 18.0,
            x + 24.0,
            one.label,
            c = one.class
        );
        x += 34.0 + one.label.len() as f64 * 7.0;
    }
    let low = lowest(history, &all);
    grid(&mut svg, low);
    for one in &all {
        series(&mut svg, one, history, low);
    }
    counts(&mut svg, history);
    svg.push_str("</svg>\n");
    svg
}

fn identical(row: &HistoryRow) -> f64 {
    row.identical as f64 / row.total_components.max(1) as f64
}

/// The picture in words, for who does not see it.
fn told(history: &[HistoryRow]) -> String {
    let one = |it: &HistoryRow| {
        format!(
            "iteration {}: calls {:.3}, texts {:.3}, {} blocking, {} open",
            it.iteration, it.call_graph_match_rate, it.documentation_similarity, it.blocking, it.open
        )
    };
    let all: Vec<String> = history.iter().map(one).collect();
    format!("Agreement by iteration. {}", all.join("; "))
}

/// The bottom of the shares' scale: a tenth below the least, so that what matters, the last hundredths, is seen.
fn lowest(history: &[HistoryRow], all: &[Series]) -> f64 {
    let least = all.iter().flat_map(|it| history.iter().map(it.of)).fold(1.0, f64::min);
    (((least - 0.05).max(0.0)) * 10.0).floor().clamp(0.0, 8.0) / 10.0
}

fn x_of(at: usize, count: usize) -> f64 {
    if count == 1 {
        f64::midpoint(LEFT, RIGHT)
    } else {
        LEFT + 40.0 + (RIGHT - LEFT - 80.0) * at as f64 / (count - 1) as f64
    }
}

fn y_of(value: f64, low: f64) -> f64 {
    let (top, bottom) = SHARES;
    bottom - (bottom - top) * (value - low).max(0.0) / (1.0 - low)
}

fn grid(svg: &mut String, low: f64) {
    for part in 0..=4 {
        let value = low + (1.0 - low) * f64::from(part) / 4.0;
        let y = y_of(value, low);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"value\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} %</text>",
            LEFT - 8.0,
            y + 4.0,
            value * 100.0
        );
    }
}

fn series(svg: &mut String, one: &Series, history: &[HistoryRow], low: f64) {
    if let Some(asked) = one.asked.filter(|it| *it >= low) {
        let y = y_of(asked, low);
        let _ = write!(
            svg,
            "<line class=\"asked {c}\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"value t-{c}\" x=\"{}\" y=\"{:.1}\">{asked}</text>",
            RIGHT + 6.0,
            // The two that are asked for lie close together: one is written above its line, the other below.
            if one.class == "calls" { y } else { y + 9.0 },
            c = one.class
        );
    }
    let points: Vec<(f64, f64, f64)> = history
        .iter()
        .enumerate()
        .map(|(at, row)| (x_of(at, history.len()), y_of((one.of)(row), low), (one.of)(row)))
        .collect();
    let line: Vec<String> = points.iter().map(|(x, y, _)| format!("{x:.1},{y:.1}")).collect();
    let _ = write!(svg, "<polyline class=\"series {}\" points=\"{}\"/>", one.class, line.join(" "));
    for (x, y, value) in points {
        let _ = write!(
            svg,
            "<circle class=\"dot {}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{value:.4}</title></circle>",
            one.class
        );
    }
}

fn counts(svg: &mut String, history: &[HistoryRow]) {
    let (top, bottom) = COUNTS;
    let most = history.iter().map(|it| it.blocking + it.open).max().unwrap_or(0).max(1) as f64;
    let _ = write!(
        svg,
        "<text class=\"title\" x=\"{LEFT}\" y=\"290\">Undecided: <tspan fill=\"var(--blocking)\">blocking</tspan>, <tspan fill=\"var(--open)\">others</tspan></text><line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{bottom}\" y2=\"{bottom}\"/>"
    );
    let wide = (RIGHT - LEFT) / history.len() as f64;
    let bar = (wide * 0.45).clamp(8.0, 48.0);
    for (at, row) in history.iter().enumerate() {
        let x = x_of(at, history.len());
        let high = |count: usize| (bottom - top) * count as f64 / most;
        let (blocking, open) = (high(row.blocking), high(row.open));
        let left = x - bar / 2.0;
        let _ = write!(
            svg,
            "<rect class=\"bar-blocking\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{bar:.1}\" height=\"{blocking:.1}\"/><rect class=\"bar-open\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{bar:.1}\" height=\"{open:.1}\"/>",
            bottom - blocking,
            bottom - blocking - open
        );
        let _ = write!(
            svg,
            "<text class=\"value\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{} + {}</text><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom - blocking - open - 5.0,
            row.blocking,
            row.open,
            bottom + 18.0,
            row.iteration
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"446\" text-anchor=\"middle\">iteration</text>",
        f64::midpoint(LEFT, RIGHT)
    );
}
