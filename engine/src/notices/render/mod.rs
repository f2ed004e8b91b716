//! What channels send of a notice: texts and bodies. Pure; sizes are bounded by what receivers take.

mod alertmanager;
mod chat;
mod template;
mod text;
mod webhook;

pub use self::alertmanager::alertmanager;
pub use self::chat::{discord, ntfy, slack, teams};
pub use self::template::{Template, TemplateError};
pub use self::text::{line, lines, mail, title};
pub use self::webhook::{generator_url, webhook};
