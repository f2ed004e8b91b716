//! What is printed. A reader that has gone (`taskpulse --print-settings | head`) is no failure, and never a panic, as it
//! would be with `println!`.

use std::io::{ErrorKind, Result, Write};

/// Prints to standard output.
///
/// # Errors
/// What kept it from being written, such as a full disk; not that nobody reads.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    unless_gone(out.write_all(text.as_bytes()).and_then(|()| out.flush())).map(|_| ())
}

/// Prints to standard error. What cannot be told there can be told nowhere.
pub fn tell(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Whether there still is a reader.
///
/// # Errors
/// What else kept it from being written.
pub fn unless_gone(written: Result<()>) -> Result<bool> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        other => other.map(|()| true),
    }
}
