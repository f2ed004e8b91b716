//! What the forecasts actor promises, over a real store and by a clock of its own.

use taskpulse_engine::forecast::log::Asked;
use taskpulse_engine::forecast::series::{Past, Step};
use taskpulse_engine::model::{Batch, Labels};
use taskpulse_engine::store::StoreOptions;

use super::*;
use crate::testing::{NOON, Stage, evaluation_limits, on_stage_with};

const HOUR: i64 = 3_600_000;

fn start(stage: &Stage, name: &str) -> (Mailbox<KeepForecasts>, crate::testing::Inbox<ChangeDocuments>) {
    let store = stage.writer();
    let documents = stage.inbox(move |message: &ChangeDocuments| {
        store.change_documents(message.kind, message.changes.clone()).map_err(crate::messages::AppendError::from)
    });
    let (clock, store, current) = (stage.clock.clone(), stage.store.clone(), stage.publishers.forecasts.clone());
    let mailbox = documents.mailbox();
    let make = move || ForecastsActor::new(clock.clone(), store.clone(), current.clone(), evaluation_limits(), mailbox.clone());
    (stage.start(name, make).mailbox(), documents)
}

/// A forecast of an hour from noon on: within 4 and 6.
fn made() -> Made {
    let steps: Vec<Step> = (1..=60).map(|n| Step { at_ms: NOON + n * HOUR / 60, low: 4.0, centre: 5.0, high: 6.0 }).collect();
    let asked = Asked { query: "m".to_owned(), metric: Labels::metric("m", &[]), horizon: HOUR, level: 0.8 };
    Made::new(asked, &Past::new(NOON, HOUR), &steps).unwrap()
}

#[test]
fn a_forecast_that_was_asked_for_is_judged_once_it_is_over_and_goes_on_after_a_restart() {
    on_stage_with(StoreOptions { out_of_order_ms: 2 * HOUR, ..StoreOptions::default() }, async |stage| {
        let (forecasts, _documents) = start(&stage, "forecasts");
        forecasts.try_send(KeepForecasts(vec![made()])).unwrap();
        stage.settle().await;
        let record = || stage.views.forecasts().first().cloned().unwrap();
        assert_eq!((record().made, record().pending, record().judged), (1, 1, 0));
        // An actor that is started anew reads them from the store.
        stage.publishers.forecasts.send_replace(Arc::default());
        let (_forecasts, _documents) = start(&stage, "after");
        stage.settle().await;
        assert_eq!(record().pending, 1);
        let mut batch = Batch::default();
        for second in (0..3_600).step_by(10) {
            batch.push(Labels::metric("m", &[]), NOON + second * 1_000, if second < 900 { 9.0 } else { 5.0 });
        }
        stage.writer().append(&batch, NOON + HOUR).unwrap();
        stage.writer().commit().unwrap();
        stage.pass(Duration::from_secs(3_600)).await;
        assert_eq!(record().pending, 1, "its last step may still get samples");
        stage.pass(2 * EVERY).await;
        let found = record();
        assert_eq!((found.made, found.pending, found.judged, found.held), (1, 0, 12, 9), "{found:?}");
    });
}
