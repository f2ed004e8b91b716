//! Logging in and out: a token in, a cookie out; and its end. Who came from a page of the dashboard goes on to it.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::envelope::ApiError;
use crate::pages;
use crate::params::Params;
use crate::server::AppState;

/// What a wrong token costs, so that guessing is slow.
const WRONG_TOKEN_DELAY: Duration = Duration::from_millis(500);

fn to(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish()
}

/// Where a login leads: to `next` of the address, as far as that is within the service.
fn destination(req: &HttpRequest) -> String {
    Params::of_address(req).get("next").and_then(pages::local_address).unwrap_or("/").to_owned()
}

/// `GET /login`: the form; who is logged in goes on.
pub(crate) async fn page(req: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    match state.access.login_of(&req) {
        Some(_) => to(&destination(&req)),
        None => pages::login(),
    }
}

/// `POST /login`, form field `token`.
pub(crate) async fn login(req: HttpRequest, state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let token = params.posted("token").unwrap_or("");
    if !state.access.is_token(token) {
        let verdict = state.access.refuse(req.peer_addr(), &req, &state.reporter.stats.auth_failures);
        if verdict.is_ok() {
            actix_web::rt::time::sleep(WRONG_TOKEN_DELAY).await;
        }
        let error = verdict.err().unwrap_or_else(|| ApiError::unauthorized("That token is not right."));
        return if pages::wanted(req.headers()) { Ok(pages::login_again(&error)) } else { Err(error) };
    }
    let cookie = state.access.login_cookie(state.access.by_tls(&req))?;
    let mut response = to(&destination(&req));
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
