//! Checks over TCP and by programs.

use std::env;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_blocking;

use super::connect::{Lookup, connect, plain};
use super::{CheckError, Figures, Phase, TcpCheck};
use crate::collectors::program;

/// Most bytes of a program's output, which is dropped.
const MAX_OUTPUT: usize = 1 << 20;
/// Most bytes of a TCP server's answer. All of them are matched again with every piece that comes, so they must be few.
const MAX_GREETING: usize = 4_096;

/// Connects, sends what the check sends, and waits for the answer that it expects.
pub(super) async fn tcp(check: &TcpCheck, lookup: &Lookup, seen: &mut Figures) -> Result<(), CheckError> {
    let mut stream = connect(&check.host, check.port, check.tls.as_ref(), &[], lookup, seen).await?;
    let down = |error: std::io::Error| CheckError::Down(plain(&error));
    if let Some(text) = &check.send {
        let step = seen.begin(Phase::Processing);
        stream.write_all(text.as_bytes()).await.map_err(down)?;
        stream.flush().await.map_err(down)?;
        seen.end(step);
    }
    let Some(expect) = &check.expect else { return Ok(()) };
    seen.begin(Phase::Transfer);
    seen.failed_due_to_regex = Some(true);
    let mut bytes = Vec::with_capacity(MAX_GREETING);
    while bytes.len() < MAX_GREETING {
        let room = MAX_GREETING - bytes.len();
        let count = (&mut stream).take(room as u64).read_buf(&mut bytes).await.map_err(down)?;
        if expect.is_match_bytes(&bytes) {
            seen.failed_due_to_regex = Some(false);
            return Ok(());
        }
        if count == 0 {
            break;
        }
    }
    Err(CheckError::Down(format!("what came ({} bytes) does not match `{}`", bytes.len(), expect.as_str())))
}

/// Runs a program; the target is up if its code is 0.
pub(super) async fn run(words: &[String], passed: &[String], limit: Duration) -> Result<(), CheckError> {
    if let Some(program) = words.first().cloned() {
        let path = program.clone();
        let is_installed = spawn_blocking(move || installed(&path)).await;
        if !is_installed.map_err(|error| CheckError::CannotCheck(error.to_string()))? {
            return Err(CheckError::CannotCheck(format!("{program}: there is no such program")));
        }
    }
    match program::run(words, passed, limit, MAX_OUTPUT).await {
        Ok(run) if run.end.is_success() => Ok(()),
        Ok(run) => {
            let reason = if run.stderr.is_empty() { String::new() } else { format!(": {}", run.stderr) };
            Err(CheckError::Down(format!("it ended with {}{reason}", run.end)))
        }
        Err(error) => Err(CheckError::Down(error.to_string())),
    }
}

fn installed(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
