//! Answers in Prometheus' envelope, and errors that say what was wrong, where, and what would be right.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Responder, ResponseError};
use serde::Serialize;
use serde_json::json;
use taskpulse_engine::model::PatternError;
use taskpulse_engine::promql::syntax::ParseError;
use taskpulse_engine::promql::{EvalError, QueryError};
use taskpulse_engine::store::StoreError;

/// An error as a client sees it.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    kind: &'static str,
    text: String,
    /// Seconds until a retry.
    retry_after: Option<u32>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, text: impl Into<String>) -> Self {
        Self { status, kind, text: text.into(), retry_after: None }
    }

    /// The head of the answer, for protocols that write errors in a form of their own.
    pub(crate) fn response(&self) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after {
            response.insert_header(("retry-after", seconds.to_string()));
        }
        response
    }

    /// Seconds until a retry, where that helps.
    #[cfg(test)]
    pub(crate) fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// What the answer has as its body.
    pub(crate) fn body(&self) -> serde_json::Value {
        json!({"status": "error", "errorType": self.kind, "error": self.text})
    }

    pub(crate) fn bad_data(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_data", text)
    }

    pub(crate) fn unauthorized(text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", text)
    }

    pub(crate) fn forbidden(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", text)
    }

    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", text)
    }

    /// What is to be changed is not as the request says.
    pub(crate) fn conflict(text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", text)
    }

    pub(crate) fn method_not_allowed(text: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "bad_data", text)
    }

    pub(crate) fn too_large(text: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", text)
    }

    /// The request was not complete in time.
    pub(crate) fn slow(text: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", text)
    }

    /// Too many refused requests.
    pub(crate) fn too_many(text: impl Into<String>, retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "unauthorized", text) }
    }

    pub(crate) fn execution(text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "execution", text)
    }

    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text)
    }

    /// Nothing was kept; the same request may be sent again.
    pub(crate) fn busy(text: impl Into<String>) -> Self {
        let text = format!("{}; send it again", text.into());
        Self { retry_after: Some(1), ..Self::unavailable(text) }
    }

    /// Nothing was kept; the same request may be sent again once there is room.
    pub(crate) fn no_room(text: impl Into<String>) -> Self {
        Self { retry_after: Some(10), ..Self::new(StatusCode::INSUFFICIENT_STORAGE, "unavailable", text) }
    }

    /// The error for clients that send again after a 503 and take a 507 for final.
    pub(crate) fn or_unavailable(self) -> Self {
        if self.status == StatusCode::INSUFFICIENT_STORAGE { Self { status: StatusCode::SERVICE_UNAVAILABLE, ..self } } else { self }
    }

    pub(crate) fn unsupported(text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_data", text)
    }

    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.response();
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            // The next guess needs another connection.
            response.force_close();
        }
        response.json(self.body())
    }
}

/// An error of a protocol that writes them as plain text.
#[derive(Debug)]
pub(crate) struct PlainError(pub(crate) ApiError);

impl fmt::Display for PlainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<ApiError> for PlainError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl ResponseError for PlainError {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        self.0.response().content_type("text/plain; charset=utf-8").body(self.0.to_string())
    }
}

impl Responder for PlainError {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.error_response()
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Parse(error) => error.into(),
            QueryError::Pattern(error) => error.into(),
            error => Self::bad_data(error.to_string()),
        }
    }
}

impl From<ParseError> for ApiError {
    fn from(error: ParseError) -> Self {
        // As Prometheus words it.
        Self::bad_data(format!("invalid parameter \"query\": {error}"))
    }
}

impl From<PatternError> for ApiError {
    fn from(error: PatternError) -> Self {
        match error {
            PatternError::Busy => Self::busy(error.to_string()),
            PatternError::Invalid(..) => Self::bad_data(error.to_string()),
            error => Self::execution(error.to_string()),
        }
    }
}

impl From<EvalError> for ApiError {
    fn from(error: EvalError) -> Self {
        let text = error.to_string();
        match error {
            EvalError::Parse(error) => error.into(),
            EvalError::Pattern(error) => error.into(),
            EvalError::Execution(_) | EvalError::TooManySamples(_) | EvalError::TooMuchMemory(_) | EvalError::TooMuchAtOnce => {
                Self::execution(text)
            }
            EvalError::Deadline | EvalError::Cancelled => Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", text),
            EvalError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::TooManySamples(_) => Self::execution(text),
            StoreError::Deadline => Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", text),
            StoreError::DiskFull { .. } => Self::no_room(text),
            StoreError::Missing { .. } => Self::unavailable(text),
            _ => Self::internal(text),
        }
    }
}

/// A successful answer.
pub(crate) fn success(data: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "success", "data": data}))
}

/// Runs work that may block or take long on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, ApiError> + Send + 'static) -> Result<T, ApiError> {
    match actix_web::web::block(work).await {
        Ok(result) => result,
        Err(error) => Err(ApiError::internal(format!("the work was cut off: {error}"))),
    }
}
