//! Durations as people write them: `250ms`, `2s`, `1m`, `2h`, `7d`.

use std::time::Duration;

/// Longest duration accepted: ten years.
const MAX_SECONDS: u64 = 10 * 366 * 24 * 3600;

/// Reads a duration.
///
/// # Errors
/// A sentence with the forms that are understood.
pub fn parse(text: &str) -> Result<Duration, String> {
    let invalid = || format!("'{text}' is not a duration: write a number and ms, s, m, h or d, such as 30s");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
    let number: u64 = text[..digits].parse().map_err(|_| invalid())?;
    let duration = match &text[digits..] {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60).ok_or_else(invalid)?),
        "h" => Duration::from_secs(number.checked_mul(3600).ok_or_else(invalid)?),
        "d" => Duration::from_secs(number.checked_mul(24 * 3600).ok_or_else(invalid)?),
        _ => return Err(invalid()),
    };
    if duration.as_secs() > MAX_SECONDS {
        return Err(format!("'{text}' is longer than ten years"));
    }
    Ok(duration)
}

/// Writes a duration in its largest whole unit: `90s` stays `90s`, `120s` becomes `2m`.
#[must_use]
pub fn render(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if millis >= size && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    format!("{millis}ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back() {
        for text in ["250ms", "2s", "90s", "7m", "48h", "7d"] {
            assert_eq!(render(parse(text).unwrap()), if text == "48h" { "2d" } else { text });
        }
        for text in ["", "s", "10", "1w", "-1s", "1.5s", "99999999999999999999s", "9999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
