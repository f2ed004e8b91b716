//! For whoever looks after the data: snapshots.

use std::path::PathBuf;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;
use taskpulse_engine::store::finished_snapshots;
use utoipa::ToSchema;

use crate::envelope::{ApiError, blocking, success};
use crate::route::{Route, Shape};
use crate::server::AppState;

/// Snapshots that may lie in the data directory: each holds on to the days it was made of.
const MAX_SNAPSHOTS: usize = 16;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/v1/admin/snapshot", snapshot)
            .about("A consistent copy of everything, in a folder of its own; 422 when there are 16")
            .answers(Shape::data::<Snapshot>())
            .fails(&[422, 507]),
    ]
}

/// A snapshot that is durable.
#[derive(Debug, Serialize, ToSchema)]
struct Snapshot {
    #[schema(example = "20261124T150102123Z")]
    name: String,
    /// On the machine of the service.
    #[schema(value_type = String)]
    path: PathBuf,
}

async fn snapshot(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let store = Arc::clone(&state.store);
    let data = blocking(move || {
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
        store.snapshot(&path)?;
        Ok(Snapshot { name, path })
    })
    .await?;
    Ok(success(data))
}
