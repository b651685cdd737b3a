//! The picture of the documents: what was foretold of each run over what came.

use super::Told;

const SIZE: f64 = 420.0;
const EDGE: f64 = 52.0;
/// Seconds at both ends of the axes, which are logarithmic.
const ENDS: (f64, f64) = (4.0, 400.0);
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#57606a}.g{stroke:#d0d7de}.d{stroke:#57606a;stroke-dasharray:4 3}\
    .r{stroke:#0969da;stroke-width:3;stroke-opacity:.45;stroke-linecap:round}.m{fill:#0969da}.l .r{stroke:#bc4c00}.l .m{fill:#bc4c00}\
    @media(prefers-color-scheme:dark){text{fill:#9aa4af}.g{stroke:#30363d}.d{stroke:#9aa4af}.r{stroke:#58a6ff}.m{fill:#58a6ff}\
    .l .r{stroke:#f0883e}.l .m{fill:#f0883e}}";

fn at(seconds: f64) -> f64 {
    (seconds.clamp(ENDS.0, ENDS.1) / ENDS.0).ln() / (ENDS.1 / ENDS.0).ln() * SIZE
}

/// One panel for the start of the runs and one for a quarter through.
pub(crate) fn draw(told: &[Told]) -> String {
    let (width, height) = (2.0 * (SIZE + EDGE) + 40.0, SIZE + 2.0 * EDGE);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"Time left as foretold, over the time left as it came\">\n<style>{STYLE}</style>\n"
    );
    for (number, (moment, title)) in
        [(0.0, "At the start of a run"), (0.25, "A quarter through")].into_iter().enumerate()
    {
        let left = EDGE + number as f64 * (SIZE + EDGE);
        text.push_str(&format!("<g transform=\"translate({left:.0} {EDGE:.0})\">\n<text x=\"0\" y=\"-14\">{title}: seconds left, foretold (up) and as it came (right)</text>\n"));
        for tick in [5.0, 10.0, 30.0, 60.0, 120.0, 300.0] {
            let (x, y) = (at(tick), SIZE - at(tick));
            text.push_str(&format!("<path class=\"g\" d=\"M{x:.1} 0V{SIZE}M0 {y:.1}H{SIZE}\"/><text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{tick}</text><text x=\"-6\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>\n", SIZE + 16.0, y + 4.0));
        }
        text.push_str(&format!("<path class=\"d\" d=\"M0 {SIZE}L{SIZE} 0\"/>\n"));
        for one in told.iter().filter(|one| one.moment == moment) {
            let (x, low, high) = (at(one.actual), SIZE - at(one.left.p50), SIZE - at(one.left.p90));
            let late = if one.is_late() { " class=\"l\"" } else { "" };
            text.push_str(&format!("<g{late}><title>{} seeds: {:.0} to {:.0} s foretold, {:.0} s came</title><path class=\"r\" d=\"M{x:.1} {low:.1}V{high:.1}\"/><circle class=\"m\" cx=\"{x:.1}\" cy=\"{low:.1}\" r=\"3.5\"/></g>\n", one.seeds, one.left.p50, one.left.p90, one.actual));
        }
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    text
}
