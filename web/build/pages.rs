//! Which files the dashboard is made of: pages of HTML, what they name, and what stands alone.
//!
//! A page names its scripts and styles as they are below `dashboard/`. Here all styles of a page become one file, each script a bundle, and the
//! page names what was made of them.

use std::path::Path;

use crate::bundle::{Bundle, minify};
use crate::{Asset, address};

type Result<T> = std::result::Result<T, String>;

/// Served under their own name: browsers and other programs know it.
const ALONE: [&str; 5] = ["favicon.svg", "manifest.webmanifest", "icon-192.png", "icon-512.png", "icon-maskable.png"];
/// The page that a service worker shows where the service does not answer.
const SHELL: &str = "index.html";
/// The service worker: its source, its address, and where its source has the lists that are filled in here.
const WORKER: (&str, &str) = ("js/worker.js", "sw.js");
const WORKER_FILES: &str = "const FILES = []";
const WORKER_SHELL: &str = "const SHELL = ''";
const PAGES: [&str; 3] = ["index.html", "login.html", "refused.html"];

/// All of them.
pub fn assets(root: &Path) -> Result<Vec<Asset>> {
    let mut assets = Vec::new();
    for name in ALONE {
        let bytes = std::fs::read(root.join(name)).map_err(|e| format!("{name}: {e}"))?;
        assets.push(Asset { path: name.to_owned(), bytes, named_by_hash: false });
    }
    for name in PAGES {
        let page = read(root, name)?;
        let before = assets.len();
        let page = styles(root, &page, &mut assets)?;
        let page = scripts(root, &page, &mut assets)?;
        if name == SHELL {
            let worker = worker(root, &page, &assets[before..])?;
            keep(&mut assets, "shell.html", page.clone());
            assets.push(worker);
        }
        assets.push(Asset { path: name.to_owned(), bytes: page.into_bytes(), named_by_hash: false });
    }
    assets.sort_by(|a, b| a.path.cmp(&b.path));
    assets.dedup_by(|a, b| a.path == b.path);
    Ok(assets)
}

/// The service worker, which knows what the dashboard's page is made of: with another file it is another worker.
fn worker(root: &Path, page: &str, files: &[Asset]) -> Result<Asset> {
    let (name, path) = WORKER;
    let source = read(root, name)?;
    if !source.contains(WORKER_FILES) || !source.contains(WORKER_SHELL) {
        return Err(format!("{name}: there must be `{WORKER_FILES}` and `{WORKER_SHELL}`, to be filled in"));
    }
    let files: Vec<String> = files.iter().map(|file| format!("/{}", file.path)).collect();
    let source = source
        .replace(WORKER_FILES, &format!("const FILES = {files:?}"))
        .replace(WORKER_SHELL, &format!("const SHELL = \"/{}\"", address("shell.html", page.as_bytes())));
    Ok(Asset { path: path.to_owned(), bytes: minify(name, &source)?.into_bytes(), named_by_hash: false })
}

fn read(root: &Path, name: &str) -> Result<String> {
    std::fs::read_to_string(root.join(name)).map_err(|e| format!("{name}: {e}"))
}

fn keep(assets: &mut Vec<Asset>, name: &str, content: String) -> String {
    let path = address(name, content.as_bytes());
    assets.push(Asset { path: path.clone(), bytes: content.into_bytes(), named_by_hash: true });
    format!("/{path}")
}

/// The value of an attribute in a line of a page.
fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("{name}=\"/"))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// Puts all styles of a page into one file, named where the first of them was.
fn styles(root: &Path, page: &str, assets: &mut Vec<Asset>) -> Result<String> {
    let mut joined = String::new();
    let is_style = |line: &&str| line.contains("rel=\"stylesheet\"");
    for name in page.lines().filter(is_style).filter_map(|line| attribute(line, "href")) {
        let style = read(root, name)?;
        joined += &minifier::css::minify(&style).map_err(|e| format!("{name}: {e}"))?.to_string();
    }
    let mut link = Some(format!("<link rel=\"stylesheet\" href=\"{}\">", keep(assets, "style.css", joined)));
    Ok(page.lines().filter_map(|line| if is_style(&line) { link.take() } else { Some(line.to_owned()) }).collect::<Vec<_>>().join("\n")
        + "\n")
}

/// Bundles the modules of a page, and minifies its classic scripts. A module that is preloaded is run by a classic script, one that a `meta` names by a worker.
fn scripts(root: &Path, page: &str, assets: &mut Vec<Asset>) -> Result<String> {
    let mut made = page.to_owned();
    let key_of = |line: &str| match line {
        _ if line.contains("rel=\"modulepreload\"") => Some("href"),
        _ if line.contains("<meta name=\"painter\"") => Some("content"),
        _ if line.contains("<script") => Some("src"),
        _ => None,
    };
    for (line, key) in page.lines().filter_map(|line| key_of(line).map(|key| (line, key))) {
        let Some(name) = attribute(line, key) else { return Err(format!("a script must have a file of its own: {line}")) };
        let address = if key != "src" || line.contains("type=\"module\"") {
            let scripts = Bundle::read(root, name)?.scripts(name, |entry, code| format!("/{}", address(entry, code.as_bytes())))?;
            scripts.into_iter().map(|script| keep(assets, &script.entry, script.code)).last().unwrap_or_default()
        } else {
            keep(assets, name, minify(name, &read(root, name)?)?)
        };
        made = made.replace(&format!("{key}=\"/{name}\""), &format!("{key}=\"{address}\""));
    }
    Ok(made)
}
