//! A program that is run for each notice.
//!
//! Its arguments may have placeholders, and the notice is in its environment: `NOTICE_STATUS`, `NOTICE_SEVERITY`, `NOTICE_TITLE`,
//! `NOTICE_TEXT` and `NOTICE_BODY`, the body of a webhook. No shell reads any of it.

use std::time::Duration;

use taskpulse_engine::notices::Notice;
use taskpulse_engine::notices::render::{self, Template};

use super::channel::{Delivery, DeliveryError, ExternalUrl, Transport};
use crate::collectors::program::{self, Input};
use crate::redact;

/// Bytes of the output that are read; the rest is an error.
const MAX_OUTPUT: usize = 64 << 10;
/// Longest variable, in bytes: the kernel takes 128 KiB.
const MAX_VARIABLE: usize = 96 << 10;

/// A channel that runs a program.
pub struct CommandChannel {
    /// The program and its arguments.
    pub command: Vec<Template>,
    /// The same without secrets.
    pub shown: Vec<String>,
    /// The longest time it may take.
    pub timeout: Duration,
    /// For links.
    pub external_url: ExternalUrl,
}

impl Transport for CommandChannel {
    fn kind(&self) -> &'static str {
        "command"
    }

    fn target(&self) -> String {
        redact::command(&self.shown)
    }

    fn deliver(&self, notice: &Notice, _: Option<&str>) -> Delivery {
        let url = (self.external_url)();
        // A NUL would end an argument.
        let plain = |text: String| text.replace('\0', "\u{fffd}");
        let command: Vec<String> = self.command.iter().map(|part| plain(part.render(notice, &url))).collect();
        let text = notice.alerts.iter().map(render::lines).collect::<Vec<_>>().join("\n");
        let environment = [
            ("NOTICE_STATUS", notice.status().to_owned()),
            ("NOTICE_SEVERITY", notice.severity().to_string()),
            ("NOTICE_TITLE", render::title(notice)),
            ("NOTICE_TEXT", text),
            ("NOTICE_BODY", render::webhook(notice, &url).to_string()),
        ];
        // One that is too long is left out: half a body is none.
        let environment = environment.into_iter().filter(|(_, value)| value.len() <= MAX_VARIABLE);
        let environment: Vec<(String, String)> = environment.map(|(name, value)| (name.to_owned(), plain(value))).collect();
        let limit = self.timeout;
        Box::pin(async move {
            let input = Input { passed: &[], environment: &environment };
            match program::run_with(&command, input, limit, MAX_OUTPUT).await {
                Ok(output) if output.end.is_success() => Ok(None),
                Ok(output) => {
                    let said = if output.stderr.is_empty() { String::new() } else { format!(": {}", output.stderr) };
                    Err(DeliveryError::channel(format!("it ended with {}{said}", output.end)))
                }
                Err(error) => Err(DeliveryError::channel(error.to_string())),
            }
        })
    }
}
