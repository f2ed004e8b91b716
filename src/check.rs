//! `taskpulse check`: what is wrong with the data directory of a stopped service, and what a repair does about it.

use taskpulse_actors::clock::now_ms;
use taskpulse_engine::store;

use crate::console;
use crate::options;
use crate::settings::Settings;

/// Examines the data directory of the settings and prints a report. Returns whether it was sound.
pub fn check(settings: &Settings, repair: bool, json: bool) -> anyhow::Result<bool> {
    // Findings are in the report; the log would repeat them for a scratch folder.
    log::set_max_level(log::LevelFilter::Off);
    let report = store::check(&options::data_dir(settings), &options::store_options(settings), now_ms(), repair)?;
    let sound = report.findings.is_empty();
    if json {
        console::print(&format!("{}\n", serde_json::to_string_pretty(&report)?))?;
        return Ok(sound);
    }
    let mut text = format!(
        "{}: format {}; days: {}, series: {}, samples in the journal: {}, bytes read: {}\n",
        report.data_dir.display(),
        report.format,
        report.days,
        report.series,
        report.unsealed_samples,
        report.bytes
    );
    report.findings.iter().for_each(|finding| text.push_str(&format!("- {finding}\n")));
    text.push_str(&match (sound, report.repaired) {
        (true, _) => "sound\n".to_owned(),
        (false, true) => format!("this was done; what was set aside is in {}\n", report.data_dir.join("quarantine").display()),
        (false, false) => {
            "nothing was changed; what is written above is what `taskpulse check --repair`, or the next start of the service, \
                           does\n"
                .to_owned()
        }
    });
    console::print(&text)?;
    Ok(sound)
}
