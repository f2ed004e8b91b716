//! Attributes of a record by name, whichever way the name is written.

/// Names and values of a record.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(pub(super) &'a [(String, String)]);

fn is(name: &str, wanted: &str) -> bool {
    name.len() == wanted.len() && name.bytes().zip(wanted.bytes()).all(|(a, b)| a == b || (b == b'_' && !a.is_ascii_alphanumeric()))
}

impl<'a> Attributes<'a> {
    /// The value of an attribute; `session_id` finds `session.id` too. One without a text is absent.
    pub(super) fn get(self, wanted: &str) -> Option<&'a str> {
        self.0.iter().find(|(name, value)| is(name, wanted) && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A count: clients send it as a number or as text.
    pub(super) fn count(self, wanted: &str) -> Option<u64> {
        let text = self.get(wanted)?;
        text.parse().ok().or_else(|| text.parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0).map(|v| v as u64))
    }

    /// Dollars as millionths.
    pub(super) fn micros(self, wanted: &str) -> Option<u64> {
        micros(self.get(wanted)?.parse().ok()?)
    }
}

/// Dollars as millionths.
pub(super) fn micros(usd: f64) -> Option<u64> {
    (usd.is_finite() && (0.0..1e12).contains(&usd)).then(|| (usd * 1e6).round() as u64)
}
