//! Advice that names a setting names one that there is, and each advisor has its row in the documentation.

/// The strings of a source, as they stand there.
fn strings(source: &str) -> impl Iterator<Item = &str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| line.split('"').skip(1))
}

/// Names of settings in a text: `[probes.check.NAME]`, and in backquotes `store.max_series`.
fn settings_named(text: &str) -> Vec<String> {
    let is_name = |name: &str| {
        let parts: Vec<&str> = name.split('.').collect();
        let plain = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || "_{}NAME".contains(c));
        parts.len() > 1 && parts.iter().all(plain)
    };
    let between = |open: char, close: char| -> Vec<String> {
        let pieces = text.split(open).skip(1).filter_map(|rest| rest.split_once(close).map(|(name, _)| name.to_owned()));
        pieces.filter(|name| is_name(name)).collect()
    };
    [between('[', ']'), between('`', '`')].concat()
}

#[test]
fn advice_names_no_setting_that_there_is_not() {
    let settings = include_str!("../../../Settings.toml");
    let mut sections: Vec<&str> = settings.split('[').filter_map(|rest| rest.split_once(']').map(|(name, _)| name)).collect();
    sections.retain(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    let is_there = |name: &str| {
        // A table of a name is shown there with an example.
        let parts: Vec<&str> = name.split('.').collect();
        let alike = |section: &&&str| {
            let own: Vec<&str> = section.split('.').collect();
            own.len() == parts.len() && own.iter().zip(&parts).all(|(own, part)| own == part || part.starts_with('{') || *part == "NAME")
        };
        let key = parts.last().copied().unwrap_or_default();
        let section = parts[..parts.len() - 1].join(".");
        let body = settings.split(&format!("\n[{section}]\n")).nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or_default();
        sections.iter().any(|section| alike(&section))
            || body.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{key} =")))
    };
    assert!(is_there("probes.check.{target}") && is_there("store.max_series") && !is_there("probe.targets"));
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/advice/advisors");
    let mut named = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        assert!(!strings(&source).any(|text| text.contains("[[")), "{}: there are no arrays of tables", path.display());
        for name in strings(&source).flat_map(settings_named) {
            named += 1;
            assert!(is_there(&name), "{}: there is no setting `{name}`", path.display());
        }
    }
    assert!(named > 0);
}

#[test]
fn each_advisor_has_its_row_in_the_documentation() {
    let text = include_str!("../../../docs/OPERATIONS.md");
    let section = text.split("\n## Advice\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let names: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).flat_map(|line| line[2..].split(" | ").next()).collect();
    let without: Vec<&str> = super::advisor_names().filter(|name| !names.iter().any(|row| row.contains(&format!("`{name}`")))).collect();
    assert_eq!(without, [""; 0]);
}
