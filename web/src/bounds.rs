//! The limits that queries over log lines and over spans share with those over samples: time, memory and places.

use std::sync::Arc;
use std::time::Instant;

use taskpulse_engine::logs::logql::Bounds;
use taskpulse_engine::promql::EvalError;

use crate::envelope::{ApiError, blocking};
use crate::params::Params;
use crate::query::{Waiting, place, timeout};
use crate::server::AppState;

/// Series that a range aggregation may make.
const MAX_SERIES: usize = 10_000;

/// Works something out on a thread that may wait, until its client is gone or its time is over; also when that began.
pub(crate) async fn with_bounds<T: Send + 'static>(
    state: &AppState,
    params: &Params,
    work: impl FnOnce(&Bounds) -> Result<T, ApiError> + Send + 'static,
) -> Result<(T, Instant), ApiError> {
    let time = timeout(params, state.queries.timeout)?;
    if time.is_zero() {
        return Err(EvalError::Deadline.into());
    }
    let deadline = Instant::now() + time;
    let bounds = Bounds { max_bytes: state.queries.max_bytes, max_series: MAX_SERIES, deadline, cancelled: Arc::default() };
    let _waiting = Waiting::new(Arc::clone(&bounds.cancelled));
    let _place = place(&state.query_places, deadline).await?;
    let began = Instant::now();
    Ok((blocking(move || work(&bounds)).await?, began))
}
