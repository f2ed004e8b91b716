//! Sentences about kinds of log lines.

use super::figure::counted;
use super::subject::short;
use crate::logs::templates::{News, NewsKind};
use crate::model::clipped;

/// Longest text of a template in a sentence, in characters.
const MOST: usize = 120;

/// `A new kind of error in web: connection to <*> refused`, `68 lines of a kind in web within 5 min, usually 2: it broke`.
#[must_use]
pub fn log_news(news: &News) -> String {
    let template = &news.template;
    let (service, text) = (short(&template.service), clipped(&template.text(), MOST));
    let level = if template.level == "warn" { "warning" } else { template.level.as_str() };
    match news.kind {
        NewsKind::New => format!("A new kind of {level} in {service}: {text}"),
        NewsKind::Burst => {
            let usual = if news.usual < 0.5 { "usually none".to_owned() } else { format!("usually {:.0}", news.usual) };
            let lines = counted(u64::from(news.lines), "line", "lines");
            format!("{lines} of a kind of {level} in {service} within 5 min, {usual}: {text}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::templates::{Example, Template};

    #[test]
    fn news_of_lines_says_what_and_how_many() {
        let template = Template {
            id: "x".to_owned(),
            service: "web".to_owned(),
            level: "warn".to_owned(),
            words: vec!["it".to_owned(), "<*>".to_owned(), "y".repeat(300)],
            lines: 1,
            first_seen: 0,
            last_seen: 0,
            example: Example { at: 0, text: String::new() },
            minutes: std::collections::VecDeque::new(),
            is_news: true,
            burst: None,
        };
        let mut news = News { kind: NewsKind::New, at: 0, template, lines: 1_200, usual: 0.1 };
        let said = log_news(&news);
        assert!(said.starts_with("A new kind of warning in web: it <*> yyy") && said.chars().count() < 160, "{said}");
        news.kind = NewsKind::Burst;
        assert!(log_news(&news).contains("of a kind of warning in web within 5 min, usually none: it <*>"), "{}", log_news(&news));
        news.usual = 2.4;
        assert!(log_news(&news).contains("usually 2: it"));
    }
}
