//! Logging in and out: a token in, a cookie out; and its end. Who came from a page of the dashboard goes on to it.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::body::BodyLimits;
use crate::envelope::ApiError;
use crate::pages;
use crate::parameter::{Parameter, text};
use crate::params::Params;
use crate::route::{Body, Content, Route, Shape};
use crate::server::AppState;

/// What a wrong token costs, so that guessing is slow.
const WRONG_TOKEN_DELAY: Duration = Duration::from_millis(500);

pub(crate) fn routes() -> Vec<Route> {
    const PAGE: &[Content] = &[("text/html", Shape::TEXT)];
    const NEXT: Parameter = Parameter::query("next", "the address within the service to which the login leads", text);
    const TOKEN: Body = Body {
        content: &[("application/x-www-form-urlencoded", Shape::new(token_form))],
        required: true,
        about: "`server.token`",
        // Nobody is known there yet.
        limits: BodyLimits::of(16 << 10),
    };
    vec![
        Route::get("/login", page).about("The login page").parameters(&[NEXT]).answers_with(200, "The page", PAGE).answers_with(
            303,
            "Who is logged in is led to `next`",
            &[],
        ),
        Route::post("/login", login)
            .about("Logs in")
            .parameters(&[NEXT])
            .body(TOKEN)
            .answers_with(303, "To `next`, with the cookie of the login", &[])
            .fails(&[401, 429]),
        Route::post("/logout", logout).about("Ends the login that the cookie shows").answers_with(303, "To the login page", &[]),
    ]
}

fn token_form() -> Value {
    json!({"type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"]})
}

fn to(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish()
}

/// Where a login leads: to `next` of the address, as far as that is within the service.
fn destination(req: &HttpRequest) -> String {
    Params::of_address(req).get("next").and_then(pages::local_address).unwrap_or("/").to_owned()
}

/// The form; who is logged in is led on.
async fn page(req: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    match state.access.login_of(&req) {
        Some(_) => to(&destination(&req)),
        None => pages::login(),
    }
}

async fn login(req: HttpRequest, state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
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

/// Ends the login that the request shows.
async fn logout(req: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.access.end_login(&req);
    let mut response = to("/login");
    response.add_cookie(&state.access.no_cookie(state.access.by_tls(&req))).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(response)
}
