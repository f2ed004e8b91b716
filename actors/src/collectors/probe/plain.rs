//! Checks without a protocol of their own: a connection over TCP, what is said on it, and programs.

use std::env;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_blocking;

use super::connect::{Lookup, connect, plain};
use super::{CheckError, Figures, Phase, TcpCheck};
use crate::collectors::command;

/// Of a command's output, which nobody reads.
const MAX_OUTPUT: usize = 1 << 20;
/// Of what a TCP server says first. All of it is looked at again with every piece that comes, so it must be short.
const MAX_GREETING: usize = 4_096;

/// Connects, says what is to be said, and waits for what must come.
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

/// Runs a program; its code says how it went.
pub(super) async fn run(words: &[String], passed: &[String], limit: Duration) -> Result<(), CheckError> {
    let (words, passed) = (words.to_vec(), passed.to_vec());
    let work = spawn_blocking(move || {
        if let Some(program) = words.first().filter(|program| !installed(program)) {
            return Err(CheckError::CannotCheck(format!("{program}: there is no such program")));
        }
        let run = command::run(&words, &passed, limit, MAX_OUTPUT).map_err(CheckError::Down)?;
        match run.code {
            Some(0) => Ok(()),
            code => {
                let code = code.map_or("a signal".to_owned(), |code| format!("code {code}"));
                let said = if run.stderr.is_empty() { String::new() } else { format!(": {}", run.stderr) };
                Err(CheckError::Down(format!("it ended with {code}{said}")))
            }
        }
    });
    work.await.unwrap_or_else(|error| Err(CheckError::CannotCheck(error.to_string())))
}

fn installed(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
