//! The login page's other half: a token in, a cookie out.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::envelope::ApiError;
use crate::params::Params;
use crate::server::AppState;

/// What a wrong token costs, so that guessing is slow.
const WRONG_TOKEN_DELAY: Duration = Duration::from_millis(500);

/// `POST /login`, form field `token`.
pub(crate) async fn login(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let to = |path: &'static str| HttpResponse::SeeOther().insert_header((header::LOCATION, path)).finish();
    if !state.access.is_token(params.get("token").unwrap_or("")) {
        actix_web::rt::time::sleep(WRONG_TOKEN_DELAY).await;
        log::warn!("a login with a wrong token was refused");
        return Ok(to("/login?failed=1"));
    }
    let cookie = state.access.login_cookie().ok_or_else(|| ApiError::internal("no login can be made"))?;
    let mut response = to("/");
    response.add_cookie(&cookie).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(response)
}
