//! `[ask]`: the model that may translate questions into the grammar.

use anyhow::{Context, bail, ensure};
use taskpulse_actors::ask::{ApiKey, ModelOptions};
use taskpulse_engine::span::Span;

use super::secret::without_secrets;
use super::sections::Ask;

/// What is added to the address of an API.
const PATH: &str = "/chat/completions";
const SHORTEST: Span = Span::secs(1);
/// The dashboard waits a little longer for an answer.
const LONGEST: Span = Span::secs(15);

/// The model; none where no address is set.
pub fn options(ask: &Ask) -> anyhow::Result<Option<ModelOptions>> {
    let key = match (&ask.api_key, &ask.api_key_file) {
        (None, None) => ApiKey::None,
        (Some(key), None) => ApiKey::Text(key.to_string()),
        (None, Some(path)) => ApiKey::File(path.clone()),
        (Some(_), Some(_)) => bail!("ask: give one of api_key and api_key_file"),
    };
    if let ApiKey::Text(key) = &key {
        ensure!(!key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic()), "ask.api_key: must be printable ASCII without spaces");
    }
    ensure!((SHORTEST..=LONGEST).contains(&ask.timeout), "ask.timeout = {}: must be {SHORTEST} to {LONGEST}", ask.timeout);
    ensure!((1..=600).contains(&ask.per_minute), "ask.per_minute = {}: must be 1 to 600", ask.per_minute);
    let Some(url) = &ask.url else {
        ensure!(ask.model.is_none() && key == ApiKey::None, "ask.url is missing: the address of the API that has the model");
        return Ok(None);
    };
    let shown = without_secrets(url);
    let right = "must be like http://localhost:11434/v1";
    let parsed = reqwest::Url::parse(url).with_context(|| format!("ask.url = {shown:?}: {right}"))?;
    ensure!(matches!(parsed.scheme(), "http" | "https") && parsed.has_host(), "ask.url = {shown:?}: {right}");
    ensure!(
        parsed.query().is_none() && parsed.fragment().is_none() && parsed.username().is_empty() && parsed.password().is_none(),
        "ask.url = {shown:?}: {right}; a key goes into ask.api_key"
    );
    let model = ask.model.clone().filter(|model| !model.trim().is_empty());
    let model = model.with_context(|| format!("ask.model is missing: the name of the model at {shown}"))?;
    let base = url.trim_end_matches('/');
    let url = if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") };
    Ok(Some(ModelOptions { url, model, key, timeout: ask.timeout.duration(), per_minute: ask.per_minute }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Option<ModelOptions>> {
        options(&toml::from_str::<Ask>(text)?)
    }

    #[test]
    fn nothing_is_asked_unless_an_address_is_set() {
        assert!(read("").unwrap().is_none());
        for (url, asked) in [
            ("http://localhost:11434/v1", "http://localhost:11434/v1/chat/completions"),
            ("https://api.example/v1/", "https://api.example/v1/chat/completions"),
            ("https://api.example/v1/chat/completions", "https://api.example/v1/chat/completions"),
        ] {
            let options = read(&format!("url = {url:?}\nmodel = \"small\"\napi_key = \"s3cret-key\"")).unwrap().unwrap();
            assert_eq!((options.url.as_str(), options.model.as_str()), (asked, "small"));
            assert!(!format!("{options:?}").contains("s3cret"), "{options:?}");
        }
    }

    #[test]
    fn mistakes_say_what_would_be_right_and_no_secret() {
        for (text, part) in [
            ("model = \"m\"", "ask.url is missing"),
            ("api_key = \"s3cret\"", "ask.url is missing"),
            ("url = \"http://h/v1\"", "ask.model is missing: the name of the model at http://h/v1"),
            ("url = \"h/v1\"\nmodel = \"m\"", "ask.url = \"h/v1\": must be like http://"),
            ("url = \"file:///v1\"\nmodel = \"m\"", "must be like http://"),
            ("url = \"http://me:s3cret@h/v1\"\nmodel = \"m\"", "a key goes into ask.api_key"),
            ("url = \"http://h/v1?key=s3cret\"\nmodel = \"m\"", "a key goes into ask.api_key"),
            ("api_key = \"s3cret key\"", "ask.api_key: must be printable ASCII"),
            ("api_key = \"s3cret\"\napi_key_file = \"k\"", "give one of api_key and api_key_file"),
            ("timeout = \"1m\"", "ask.timeout = 1m: must be 1s to 15s"),
            ("per_minute = 0", "ask.per_minute = 0: must be 1 to 600"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(part) && !error.contains("s3cret"), "{text}: {error}");
        }
    }
}
