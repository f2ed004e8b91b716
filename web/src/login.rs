//! The login page's other half: a token in, a cookie out; and its end.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::envelope::ApiError;
use crate::params::Params;
use crate::server::AppState;

/// What a wrong token costs, so that guessing is slow.
const WRONG_TOKEN_DELAY: Duration = Duration::from_millis(500);

fn to(path: &'static str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, path)).finish()
}

/// `POST /login`, form field `token`.
pub(crate) async fn login(req: HttpRequest, state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    if !state.access.is_token(params.get("token").unwrap_or("")) {
        state.access.refuse(req.peer_addr(), &req, &state.reporter.shared.auth_failures)?;
        actix_web::rt::time::sleep(WRONG_TOKEN_DELAY).await;
        return Ok(to("/login?failed=1"));
    }
    let cookie = state.access.login_cookie(state.access.by_tls(&req))?;
    let mut response = to("/");
    response.add_cookie(&cookie).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(response)
}

/// `POST /logout`: ends the login that the request shows.
pub(crate) async fn logout(req: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.access.end_login(&req);
    let mut response = to("/login");
    response.add_cookie(&state.access.no_cookie(state.access.by_tls(&req))).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(response)
}
