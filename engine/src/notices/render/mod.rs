//! What channels send of a notice: texts and bodies. Pure; sizes are bounded by what receivers take.

mod alertmanager;
mod chat;
mod template;
mod text;
mod webhook;

pub use self::alertmanager::alertmanager;
pub use self::chat::{discord, ntfy, slack, teams};
pub use self::template::{Template, TemplateError};
pub use self::text::{line, lines, title};
pub use self::webhook::{generator_url, webhook};

/// At most so many characters; control characters, which could drive a terminal, are replaced.
#[must_use]
pub fn clipped(text: &str, most: usize) -> String {
    let mut out: String = text.chars().take(most).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        out.pop();
        out.push('…');
    }
    out
}
