//! Printing. A reader that has gone (`taskpulse --print-settings | head`) is no failure, and never a panic, as it would be
//! with `println!`.

use std::io::{ErrorKind, Result, Write};

/// Prints to standard output.
///
/// # Errors
/// Why it could not be written, such as a full disk; a missing reader is no error.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    unless_gone(out.write_all(text.as_bytes()).and_then(|()| out.flush())).map(|_| ())
}

/// Prints to standard error. A failure to do so cannot be reported anywhere.
pub fn print_error(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Whether there still is a reader.
///
/// # Errors
/// Any other reason why it could not be written.
pub fn unless_gone(written: Result<()>) -> Result<bool> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        other => other.map(|()| true),
    }
}
