//! What `segue fake` is told, and how it is written: chances as `5%`, times as `30s` or `1s..5s`.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use clap::Args;
use engine::pipeline::duration;

#[derive(Debug, Args)]
pub(crate) struct Fake {
    /// Whom to stand in for: NAME (listens where the configuration says), NAME:PORT, or NAME=IP:PORT; several at once are fine
    #[arg(required = true, value_name = "NAME[:PORT]")]
    pub(crate) names: Vec<String>,
    /// Where to listen, on this machine only; with one name
    #[arg(long, conflicts_with = "listen")]
    pub(crate) port: Option<u16>,
    /// Where to listen; with one name
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// How long an attempt takes: a time, or a range to draw from (1s..5s)
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub(crate) takes: Span,
    /// The result, for all names or for one: JSON, @FILE, or NAME=JSON
    #[arg(long, value_name = "[NAME=]JSON")]
    pub(crate) output: Vec<String>,
    /// Figures beside the result, for gates
    #[arg(long, value_name = "[NAME=]JSON")]
    pub(crate) stats: Vec<String>,
    /// Report progress, not only life
    #[arg(long)]
    pub(crate) progress: bool,
    /// So many attempts fail, and may be tried again
    #[arg(long, value_name = "CHANCE", default_value = "0%")]
    pub(crate) fail: Chance,
    /// So many attempts fail for good
    #[arg(long, value_name = "CHANCE", default_value = "0%")]
    pub(crate) permanent: Chance,
    /// So many starts are answered 503 with Retry-After
    #[arg(long, value_name = "CHANCE", default_value = "0%")]
    pub(crate) busy: Chance,
    /// So many starts are accepted, but the connection breaks before the 202
    #[arg(long, value_name = "CHANCE", default_value = "0%")]
    pub(crate) lose_accept: Chance,
    /// So many callbacks never arrive, while the stand-in believes that they did
    #[arg(long, value_name = "CHANCE", default_value = "0%")]
    pub(crate) lose_callback: Chance,
    /// So many callbacks are sent twice
    #[arg(long, value_name = "CHANCE", default_value = "0%")]
    pub(crate) twice: Chance,
    /// Kill the whole process (as kill -9) right after it has accepted so many starts
    #[arg(long, value_name = "STARTS")]
    pub(crate) crash_after: Option<u64>,
    /// Most attempts at a time of each name; more are answered 429
    #[arg(long, default_value_t = 100_000)]
    pub(crate) capacity: usize,
    /// Tell this orchestrator that each is there, keep telling it, and drain before the end
    #[arg(long, value_name = "URL")]
    pub(crate) register: Option<String>,
    /// Folder for what was accepted, which then survives kill -9; absent: it is forgotten
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Seed of the draws; with the same one the same attempt has the same fate
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

/// A probability, written in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Chance(pub(crate) f64);

impl FromStr for Chance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text.strip_suffix('%').and_then(|number| number.parse().ok());
        percent
            .filter(|percent| (0.0..=100.0).contains(percent))
            .map(|percent: f64| Self(percent / 100.0))
            .ok_or_else(|| format!("'{text}' is not a chance: write 0% to 100%, such as 5% or 0.5%"))
    }
}

/// A time, or all times between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let span = Self { from: duration::parse(from)?, to: duration::parse(to)? };
        if span.from > span.to { Err(format!("'{text}' ends before it begins")) } else { Ok(span) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Chance, Span};

    #[test]
    fn chances_and_times_are_read_as_they_are_written() {
        assert_eq!("0.5%".parse(), Ok(Chance(0.005)));
        for wrong in ["5", "0.05", "101%", "-1%", "many", "%", "NaN%"] {
            assert!(wrong.parse::<Chance>().is_err(), "{wrong}");
        }
        let span = Span { from: Duration::from_millis(200), to: Duration::from_secs(5) };
        assert_eq!("200ms..5s".parse(), Ok(span));
        assert_eq!("30s".parse::<Span>().map(|span| span.to), Ok(Duration::from_secs(30)));
        for wrong in ["5s..1s", "1..2s", "soon", ".."] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
