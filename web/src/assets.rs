//! The dashboard's files, inside the binary: bundled, minified and compressed by `build.rs`.
//!
//! What is named by its hash is kept by browsers for ever; pages are asked for again each time, so that a new version is never mixed with an old one.

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::view;

use crate::envelope::ApiError;
use crate::route::Route;

/// A file in the codings in which it is sent.
struct Asset {
    path: &'static str,
    named_by_hash: bool,
    hash: u64,
    plain: &'static [u8],
    gzip: &'static [u8],
    brotli: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::get("/", index), Route::get("/favicon.ico", favicon), Route::get("/{path:.+}", file)]
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        _ => "text/plain; charset=utf-8",
    }
}

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// The content of a page.
pub(crate) fn text(path: &str) -> &'static str {
    find(path).and_then(|asset| std::str::from_utf8(asset.plain).ok()).unwrap_or_default()
}

/// Whether a client takes a coding: named, and not with a weight of 0.
fn accepts(accepted: &str, coding: &str) -> bool {
    accepted.split(',').any(|part| {
        let mut parameters = part.split(';').map(str::trim);
        parameters.next().is_some_and(|name| name.eq_ignore_ascii_case(coding))
            && !parameters.any(|parameter| parameter.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)))
    })
}

fn serve(req: &HttpRequest, path: &str) -> Result<HttpResponse, ApiError> {
    let Some(asset) = find(path) else {
        return Err(ApiError::not_found(format!("there is no {}; the interface is at /api/v1, the dashboard at /", req.path())));
    };
    let accepted = req.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (coding, body) = match (accepts(accepted, "br"), accepts(accepted, "gzip")) {
        (true, _) => (Some("br"), asset.brotli),
        (_, true) => (Some("gzip"), asset.gzip),
        _ => (None, asset.plain),
    };
    let tag = format!("\"{:08x}{}\"", asset.hash, coding.unwrap_or_default());
    let known = req.headers().get(header::IF_NONE_MATCH).is_some_and(|v| v.to_str().is_ok_and(|v| v.contains(&tag)));
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    let caching = if asset.named_by_hash { "public, max-age=31536000, immutable" } else { "no-cache" };
    response.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, caching));
    response.insert_header((header::VARY, header::ACCEPT_ENCODING.as_str()));
    if known {
        return Ok(response.finish());
    }
    if let Some(coding) = coding {
        response.insert_header((header::CONTENT_ENCODING, HeaderValue::from_static(coding)));
    }
    Ok(response.content_type(content_type(asset.path)).body(body))
}

/// The dashboard. The time of the service comes with it, so that the page is right from its first moment where the browser's clock is wrong.
async fn index(req: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut response = serve(&req, "index.html")?;
    if let Ok(now) = HeaderValue::try_from(format!("now;desc=\"{:.3}\"", view::seconds(now_ms()))) {
        response.headers_mut().insert(HeaderName::from_static("server-timing"), now);
    }
    Ok(response)
}

/// What browsers request for answers that are no pages.
async fn favicon(req: HttpRequest) -> Result<HttpResponse, ApiError> {
    serve(&req, "favicon.svg")
}

async fn file(req: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, ApiError> {
    serve(&req, &path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_sent_only_to_who_takes_it() {
        for (accepted, coding, taken) in [
            ("gzip, br", "br", true),
            ("gzip;q=1, br;q=0", "br", false),
            ("BR", "br", true),
            ("brotli", "br", false),
            ("", "gzip", false),
            ("*", "gzip", false),
        ] {
            assert_eq!(accepts(accepted, coding), taken, "{accepted}");
        }
    }

    #[test]
    fn pages_name_only_files_that_are_there() {
        for page in ASSETS.iter().filter(|asset| asset.path.ends_with(".html")) {
            let text = text(page.path);
            let named: Vec<&str> = text.split(['"']).filter(|part| part.starts_with("/assets/")).collect();
            assert!(!named.is_empty(), "{}", page.path);
            for name in named {
                assert!(find(&name[1..]).is_some(), "{} names {name}", page.path);
            }
        }
    }

    #[test]
    fn every_file_unpacks_to_itself() {
        use std::io::Read as _;
        for asset in ASSETS {
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(asset.gzip).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, asset.plain, "{}", asset.path);
        }
    }
}
