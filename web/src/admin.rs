//! For whoever looks after the data: snapshots.

use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde_json::json;
use taskpulse_actors::messages::TakeSnapshot;
use taskpulse_engine::store::finished_snapshots;

use crate::envelope::{ApiError, blocking, success};
use crate::server::AppState;

/// Snapshots that may lie in the data directory: each holds on to the days it was made of.
const MAX_SNAPSHOTS: usize = 16;

/// `POST /api/v1/admin/snapshot`: a clean copy of everything, in a folder of its own.
pub(crate) async fn snapshot(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let store = state.store.clone();
    let (name, path) = blocking(move || {
        let snapshots = store.dir().join("snapshots");
        let there = finished_snapshots(store.dir()).len();
        if there >= MAX_SNAPSHOTS {
            return Err(ApiError::execution(format!(
                "there are {there} snapshots in {} already; remove those that are not needed first",
                snapshots.display()
            )));
        }
        let name = Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ").to_string();
        let path = snapshots.join(&name);
        Ok((name, path))
    })
    .await?;
    match state.snapshot.send(TakeSnapshot { to: path.clone() }).await {
        Ok(copied) => copied?,
        Err(error) => return Err(ApiError::busy(format!("the store did not answer: {error}"))),
    }
    Ok(success(json!({"name": name, "path": path})))
}
