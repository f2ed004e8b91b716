//! Channels of notifications: how their deliveries are doing, and a test of each.

use actix_web::{HttpResponse, web};
use serde_json::json;
use taskpulse_actors::messages::TestChannel;
use taskpulse_actors::view::{Channel, ChannelTest};

use crate::envelope::{ApiError, success};
use crate::parameter::Parameter;
use crate::route::{Route, Shape};
use crate::server::AppState;

pub(crate) fn routes() -> Vec<Route> {
    const NAME: Parameter = Parameter::path("name", "the channel", || json!({"type": "string", "minLength": 1}));
    vec![
        Route::get("/api/v1/channels", channels)
            .about("Channels of notifications with the state of their deliveries")
            .answers(Shape::list::<Channel>()),
        Route::post("/api/v1/channels/{name}/test", test)
            .about("Sends a test over a channel and answers with the outcome")
            .parameters(&[NAME])
            .answers(Shape::data::<ChannelTest>())
            .fails(&[404]),
    ]
}

async fn channels(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    state.answers.success(&state.reporter.views.channels())
}

async fn test(state: web::Data<AppState>, name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let name = name.into_inner();
    let answer = state.test_channel.send(TestChannel { name: name.clone() }).await;
    match answer.map_err(|error| ApiError::unavailable(format!("the notifier: {error}; try again")))? {
        Some(outcome) => {
            let error = outcome.err().map(|error| error.reason);
            Ok(success(ChannelTest { delivered: error.is_none(), error }))
        }
        None => Err(ApiError::not_found(format!("there is no channel `{name}`; /api/v1/channels lists them"))),
    }
}
