//! The middleware of all routes: checks each request by the rules of access, and completes each answer.
//!
//! What a person in a browser may not see is a page, or the login; programs get JSON. HEAD is answered as GET without a body.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, ResponseError, web};
use bytes::Bytes;

use crate::access::{Access, is_page};
use crate::connection::{ActiveRequest, Link, Tracked};
use crate::envelope::ApiError;
use crate::pages;
use crate::server::AppState;

const SECURITY_HEADERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
         manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    // Not `no-referrer`: with that, a browser says of the service's own forms that they come from nowhere (`Origin: null`).
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// The middleware: checks each request, dresses each answer.
pub(crate) async fn guard(
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<Tracked>, actix_web::Error> {
    let active_request = ActiveRequest::new(req.conn_data::<Arc<Link>>().cloned());
    let allowed = match req.app_data::<web::Data<AppState>>() {
        Some(state) => {
            let check = state.access.check_sender(req.headers()).and_then(|()| Access::check_site(&req));
            check.and_then(|()| state.access.check_token(&req, &state.reporter.stats.auth_failures))
        }
        None => Err(ApiError::internal("the service is not set up")),
    };
    // What answers GET answers HEAD. A WebSocket is no answer.
    let head = req.method() == Method::HEAD && req.path() != "/ws";
    if head {
        req.head_mut().method = Method::GET;
    }
    if !takes_packed(req.headers()) {
        // As Prometheus does: an answer as it is, where a client says nothing of a packing that is known, or rules out any.
        req.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    let wants_page = pages::wanted(req.headers()) && is_page(req.path());
    let mut res = match allowed {
        Ok(()) => {
            let res = next.call(req).await?.map_into_boxed_body();
            match res.response().error().filter(|_| wants_page).map(ToString::to_string) {
                Some(why) => {
                    let status = res.status();
                    res.map_body(|head, _| {
                        head.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(pages::HTML));
                        // The page is not packed.
                        head.headers_mut().remove(header::CONTENT_ENCODING);
                        BoxBody::new(pages::refusal(status, &why))
                    })
                }
                None => res,
            }
        }
        Err(error) => {
            let answer = refused(&req, &error);
            req.extensions_mut().clear();
            req.into_response(answer)
        }
    };
    for (name, value) in SECURITY_HEADERS {
        res.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !res.headers().contains_key(header::CACHE_CONTROL) {
        res.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(res.map_body(|_, body| Tracked::new(if head { BoxBody::new(Unsent(body.size())) } else { body }, active_request)))
}

/// The answer to what may not be asked: a person in a browser is led to the login, or gets a page that says so.
fn refused(req: &ServiceRequest, error: &ApiError) -> HttpResponse {
    let status = error.status_code();
    let person = pages::wanted(req.headers());
    if status == StatusCode::UNAUTHORIZED && req.method() == Method::GET && (person || req.path() == "/") {
        let wanted = req.uri().path_and_query().map_or("/", |at| at.as_str());
        return HttpResponse::SeeOther().insert_header((header::LOCATION, pages::login_address(wanted))).finish();
    }
    if person { pages::page(error, pages::refusal(status, &error.to_string())) } else { error.error_response() }
}

/// Whether a client takes an answer that is packed as the service can.
fn takes_packed(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|coding| {
        let (name, q) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = q.trim().to_ascii_lowercase().strip_prefix("q=").is_some_and(|q| q.trim().parse().is_ok_and(|q: f64| q == 0.0));
        ["gzip", "deflate"].iter().any(|known| name.trim().eq_ignore_ascii_case(known)) && !refused
    })
}

/// A body of which HEAD gives the length.
struct Unsent(BodySize);

impl MessageBody for Unsent {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
