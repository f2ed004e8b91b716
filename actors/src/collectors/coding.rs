//! Decoding of bodies: content codings (gzip and deflate) and UTF-16.
//!
//! Probes ask for no coding, but servers that send compressed files or answer from a cache use one all the same.

use std::io::Read;

use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};

/// The first bytes of gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why a body cannot be decoded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodingError {
    /// The coding is not supported.
    #[error("its body has the content coding `{0}`; gzip and deflate can be read")]
    Unknown(String),
    /// The body does not have the coding that its head names.
    #[error("its body is no {coding}: {error}")]
    Broken {
        /// The coding.
        coding: &'static str,
        /// What is wrong.
        error: String,
    },
}

/// A body and whether all of it is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    /// The rest of it was left out.
    pub(crate) cut: bool,
}

impl Body {
    /// Decodes `codings`, a list as in `Content-Encoding`, up to `max_bytes`.
    ///
    /// # Errors
    /// [`CodingError`]
    pub(crate) fn decode(mut self, codings: &str, max_bytes: usize) -> Result<Self, CodingError> {
        for coding in codings.rsplit(',').map(str::trim).filter(|coding| !coding.is_empty()) {
            if self.bytes.is_empty() {
                break;
            }
            self = match coding.to_ascii_lowercase().as_str() {
                "identity" | "none" => self,
                // Not gzip, whatever the head says: left as it is.
                "gzip" | "x-gzip" if !self.bytes.starts_with(&GZIP) => self,
                "gzip" | "x-gzip" => self.gunzip(max_bytes)?,
                "deflate" if is_zlib(&self.bytes) => {
                    let bytes = std::mem::take(&mut self.bytes);
                    self.inflate(ZlibDecoder::new(bytes.as_slice()), max_bytes, "deflate")?
                }
                "deflate" => {
                    let bytes = std::mem::take(&mut self.bytes);
                    self.inflate(DeflateDecoder::new(bytes.as_slice()), max_bytes, "deflate")?
                }
                other => return Err(CodingError::Unknown(printable(other))),
            };
        }
        Ok(self)
    }

    /// Converts UTF-16, by content type or byte order mark, to UTF-8, which regexes match. Everything else stays as it is.
    pub(crate) fn into_utf8(mut self, content_type: &str) -> Self {
        let kind = content_type.to_ascii_lowercase();
        let big = match self.bytes.as_slice() {
            [0xff, 0xfe, ..] => false,
            [0xfe, 0xff, ..] => true,
            _ if kind.contains("utf-16le") => false,
            _ if kind.contains("utf-16") => true,
            _ => return self,
        };
        let units = self.bytes.chunks_exact(2).map(|pair| {
            let pair = [pair[0], pair[1]];
            if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
        });
        let text: String = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        self.bytes = text.strip_prefix('\u{feff}').unwrap_or(&text).as_bytes().to_vec();
        self
    }

    /// Several gzip streams may follow each other. Other bytes behind them are left out, as gzip does.
    fn gunzip(self, max_bytes: usize) -> Result<Self, CodingError> {
        let mut rest = self.bytes.as_slice();
        let mut whole = Self { bytes: Vec::new(), cut: self.cut };
        while rest.starts_with(&GZIP) {
            let mut decoder = GzDecoder::new(rest);
            let part = Self { bytes: Vec::new(), cut: self.cut }.inflate(&mut decoder, max_bytes - whole.bytes.len(), "gzip")?;
            whole.bytes.extend(part.bytes);
            whole.cut = part.cut;
            rest = decoder.into_inner();
            if whole.bytes.len() >= max_bytes {
                whole.cut |= !rest.is_empty();
                break;
            }
        }
        Ok(whole)
    }

    fn inflate(self, decoder: impl Read, max_bytes: usize, coding: &'static str) -> Result<Self, CodingError> {
        let mut bytes = Vec::new();
        // One byte more tells whether there is more.
        match decoder.take(max_bytes as u64 + 1).read_to_end(&mut bytes) {
            Ok(_) => {}
            // The end was left unread.
            Err(_) if self.cut => {}
            Err(error) => return Err(CodingError::Broken { coding, error: error.to_string() }),
        }
        let more = bytes.len() > max_bytes;
        bytes.truncate(max_bytes);
        Ok(Self { bytes, cut: self.cut || more })
    }
}

/// Whether the header of RFC 1950 is there. `deflate` requires it, but some servers leave it out.
fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [method, flags, ..] if method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0)
}

fn printable(coding: &str) -> String {
    coding.chars().filter(char::is_ascii_graphic).take(30).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(codings: &str, bytes: Vec<u8>, cut: bool) -> Result<Body, CodingError> {
        Body { bytes, cut }.decode(codings, 100)
    }

    #[test]
    fn gzip_and_deflate_are_decoded() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(b"ready").unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(b"ready").unwrap();
        let trailed = [gzip(b"ready"), b"\0\0".to_vec()].concat();
        for (codings, bytes) in [
            ("", b"ready".to_vec()),
            ("identity", b"ready".to_vec()),
            ("gzip", gzip(b"ready")),
            ("X-GZIP", gzip(b"ready")),
            ("gzip, gzip", gzip(&gzip(b"ready"))),
            ("identity, gzip", gzip(b"ready")),
            ("gzip", [gzip(b"rea"), gzip(b"dy")].concat()),
            ("gzip", trailed),
            ("gzip", b"ready".to_vec()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
        ] {
            assert_eq!(read(codings, bytes, false), Ok(Body { bytes: b"ready".to_vec(), cut: false }), "{codings}");
        }
        assert_eq!(read("br", Vec::new(), false), Ok(Body { bytes: Vec::new(), cut: false }), "a HEAD request has no body to read");
    }

    #[test]
    fn utf16_becomes_utf8() {
        let units = |text: &str, big: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        for (kind, bytes) in [
            ("text/plain; charset=UTF-16", units("\u{feff}ready", false)),
            ("text/plain", units("\u{feff}ready", true)),
            ("text/plain; charset=utf-16le", units("ready", false)),
            ("text/plain; charset=utf-16", units("ready", true)),
            ("text/plain; charset=utf-8", b"ready".to_vec()),
        ] {
            assert_eq!(Body { bytes, cut: false }.into_utf8(kind).bytes, b"ready", "{kind}");
        }
        assert_eq!(Body { bytes: vec![0xff, 0xfe, 0x00], cut: true }.into_utf8("").bytes, b"", "cut within a character");
    }

    #[test]
    fn what_cannot_be_decoded_says_why_and_a_bomb_is_cut() {
        assert!(read("br", b"x".to_vec(), false).unwrap_err().to_string().contains("`br`; gzip and deflate"));
        let whole = gzip(&[b'x'; 60]);
        let half = whole[..whole.len() - 9].to_vec();
        assert!(read("gzip", half.clone(), false).unwrap_err().to_string().contains("no gzip"), "its end is missing");
        assert!(read("gzip", half, true).is_ok_and(|body| body.cut), "its end was left unread");
        let bomb = read("gzip", gzip(&vec![b'x'; 10_000_000]), false).unwrap();
        assert_eq!((bomb.bytes.len(), bomb.cut), (100, true));
        let many = read("gzip", [gzip(&[b'x'; 100]), gzip(b"y")].concat(), false).unwrap();
        assert_eq!((many.bytes.len(), many.cut), (100, true));
    }
}
