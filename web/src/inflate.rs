//! How bodies that were compressed are read. Nobody here bounds how long they become: the reader stops.

use std::io::{self, Read};

use flate2::read::{MultiGzDecoder, ZlibDecoder};

/// Gives what a body holds, piece by piece.
pub(crate) type Inflate = fn(&[u8]) -> Box<dyn Read + '_>;

/// By the name in `Content-Encoding`; none for one that is not understood.
pub(crate) fn of(encoding: &str) -> Option<Inflate> {
    Some(match encoding {
        "gzip" | "x-gzip" => |packed| Box::new(MultiGzDecoder::new(packed)),
        "deflate" => |packed| Box::new(ZlibDecoder::new(packed)),
        "zstd" => unzstd,
        _ => return None,
    })
}

/// The largest window of zstd, as a power of two: what RFC 9659 allows in HTTP. It is memory that a body can ask for.
const ZSTD_WINDOW: u32 = 23;

/// Reads zstd; what cannot be begun fails when it is read.
fn unzstd(packed: &[u8]) -> Box<dyn Read + '_> {
    let begun = zstd::stream::read::Decoder::with_buffer(packed).and_then(|mut decoder| {
        decoder.window_log_max(ZSTD_WINDOW)?;
        Ok(decoder)
    });
    match begun {
        Ok(decoder) => Box::new(decoder),
        Err(error) => Box::new(Fails(Some(error))),
    }
}

struct Fails(Option<io::Error>);

impl Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.0.take().unwrap_or_else(|| io::ErrorKind::InvalidData.into()))
    }
}
