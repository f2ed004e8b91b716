//! The dashboard's files, inside the binary.
//!
//! Each is served under its path below `web/dashboard/` with an `ETag` of its content.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::envelope::ApiError;
use crate::route::Route;

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
        _ => "text/plain; charset=utf-8",
    }
}

/// The content of a file.
pub(crate) fn text(path: &str) -> &'static str {
    let found = ASSETS.iter().find(|(name, ..)| *name == path);
    found.and_then(|(_, bytes, _)| std::str::from_utf8(bytes).ok()).unwrap_or_default()
}

fn serve(req: &HttpRequest, path: &str) -> Result<HttpResponse, ApiError> {
    let Some((name, bytes, hash)) = ASSETS.iter().find(|(name, ..)| *name == path) else {
        return Err(ApiError::not_found(format!("there is no {}; the interface is at /api/v1, the dashboard at /", req.path())));
    };
    let tag = format!("\"{hash:08x}\"");
    let known = req.headers().get(header::IF_NONE_MATCH).is_some_and(|v| v.to_str().is_ok_and(|v| v.contains(&tag)));
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    // `no-cache`: kept by the browser, asked for again each time, so that a new version is never mixed with an old one.
    response.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, "no-cache"));
    Ok(if known { response.finish() } else { response.content_type(content_type(name)).body(*bytes) })
}

async fn index(req: HttpRequest) -> Result<HttpResponse, ApiError> {
    serve(&req, "index.html")
}

/// What browsers request for answers that are no pages.
async fn favicon(req: HttpRequest) -> Result<HttpResponse, ApiError> {
    serve(&req, "favicon.svg")
}

async fn file(req: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, ApiError> {
    serve(&req, &path)
}
