//! What probes read of a certificate: its validity and its common name.
//!
//! Walks the DER of RFC 5280, section 4.1, up to `subject`, in certificates of any version. Whether a certificate is trusted is decided
//! where the connection is made. Own code on purpose: crates for X.509 refuse malformed certificates, whose end still must be shown.

use jiff::Unit;
use jiff::civil::{Date, date};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// The version, which old certificates omit.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// UTF8String, PrintableString, IA5String: the types whose bytes are UTF-8.
const TEXTS: [u8; 3] = [0x0c, 0x13, 0x16];
/// 2.5.4.3, `commonName`.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// Why a certificate cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It ends within a part.
    #[error("{0} is cut off")]
    CutOff(&'static str),
    /// A part is of another type.
    #[error("{part}: tag {found:#04x} in the place of {wanted:#04x}")]
    WrongTag {
        /// The part.
        part: &'static str,
        /// The tag that it has.
        found: u8,
        /// The tag that it should have.
        wanted: u8,
    },
    /// Its end is not a time.
    #[error("notAfter is no time: {0}")]
    NotATime(String),
}

/// `notAfter` of a certificate in DER, Unix seconds.
///
/// # Errors
/// [`CertificateError`] says which part cannot be read.
pub fn not_after(der: &[u8]) -> Result<i64, CertificateError> {
    let (mut validity, _) = parse_to_validity(der)?;
    element(&mut validity).ok_or(CertificateError::CutOff("validity: notBefore"))?;
    let (tag, text) = element(&mut validity).ok_or(CertificateError::CutOff("validity: notAfter"))?;
    time(tag, text).ok_or_else(|| CertificateError::NotATime(String::from_utf8_lossy(text).into_owned()))
}

/// `notBefore` of a certificate in DER, Unix seconds; none if it cannot be read.
#[must_use]
pub fn not_before(der: &[u8]) -> Option<i64> {
    let (mut validity, _) = parse_to_validity(der).ok()?;
    let (tag, text) = element(&mut validity)?;
    time(tag, text)
}

/// The last common name of a certificate's subject, where it has one.
#[must_use]
pub fn common_name(der: &[u8]) -> Option<String> {
    let (_, mut rest) = parse_to_validity(der).ok()?;
    let mut subject = expect(&mut rest, SEQUENCE, "subject").ok()?;
    let mut found = None;
    while let Some((SET, mut parts)) = element(&mut subject) {
        while let Some((SEQUENCE, mut part)) = element(&mut parts) {
            if element(&mut part) != Some((OBJECT_IDENTIFIER, COMMON_NAME.as_slice())) {
                continue;
            }
            let text = element(&mut part).filter(|(tag, _)| TEXTS.contains(tag));
            found = text.and_then(|(_, text)| String::from_utf8(text.to_vec()).ok()).or(found);
        }
    }
    found
}

/// Whether a common name matches a host: the same name, or `*` for its first label.
#[must_use]
pub fn names_host(common_name: &str, host: &str) -> bool {
    let wild = || {
        let (rest, (first, domain)) = (common_name.strip_prefix("*.")?, host.split_once('.')?);
        Some(!first.is_empty() && rest.contains('.') && rest.eq_ignore_ascii_case(domain))
    };
    common_name.eq_ignore_ascii_case(host) || wild() == Some(true)
}

/// The content of `validity`, and the rest after it.
fn parse_to_validity(der: &[u8]) -> Result<(&[u8], &[u8]), CertificateError> {
    let mut outer = der;
    let mut certificate = expect(&mut outer, SEQUENCE, "the certificate")?;
    let mut signed = expect(&mut certificate, SEQUENCE, "tbsCertificate")?;
    if signed.first() == Some(&VERSION) {
        expect(&mut signed, VERSION, "version")?;
    }
    expect(&mut signed, INTEGER, "serialNumber")?;
    expect(&mut signed, SEQUENCE, "signature")?;
    expect(&mut signed, SEQUENCE, "issuer")?;
    let validity = expect(&mut signed, SEQUENCE, "validity")?;
    Ok((validity, signed))
}

fn expect<'a>(input: &mut &'a [u8], wanted: u8, part: &'static str) -> Result<&'a [u8], CertificateError> {
    match element(input) {
        Some((found, content)) if found == wanted => Ok(content),
        Some((found, _)) => Err(CertificateError::WrongTag { part, found, wanted }),
        None => Err(CertificateError::CutOff(part)),
    }
}

/// Reads the next element: its tag and its content.
fn element<'a>(input: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let length = if first < 0x80 {
        usize::from(first)
    } else {
        // Four length bytes are more than any certificate needs; zero is BER's indefinite form, which DER forbids.
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let (bytes, after) = rest.split_at_checked(count)?;
        rest = after;
        bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
    };
    let (content, after) = rest.split_at_checked(length)?;
    *input = after;
    Some((tag, content))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, the forms that RFC 5280 allows.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let digits = text.strip_suffix(b"Z")?;
    let wanted = match tag {
        UTC_TIME => 12,
        GENERALIZED_TIME => 14,
        _ => return None,
    };
    if digits.len() != wanted || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |part: &[u8]| part.iter().fold(0i16, |n, digit| n * 10 + i16::from(digit - b'0'));
    let (year, rest) = digits.split_at(wanted - 10);
    let year = match number(year) {
        year if tag == GENERALIZED_TIME => year,
        year if year >= 50 => 1900 + year,
        year => 2000 + year,
    };
    let part = |at: usize| i8::try_from(number(&rest[at..at + 2])).ok();
    let (hour, minute, second) = (part(4)?, part(6)?, part(8)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let day = Date::new(year, part(0)?, part(2)?).ok()?;
    let days = date(1970, 1, 1).until((Unit::Day, day)).ok()?.get_days();
    Some(i64::from(days) * 86_400 + i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second))
}

/// A certificate with only the parts that are read here.
#[cfg(test)]
pub(crate) fn example(version: bool, tag: u8, not_after: &str) -> Vec<u8> {
    let wrap = |tag: u8, content: &[u8]| -> Vec<u8> {
        let length = content.len();
        let head = if length < 0x80 { vec![tag, length as u8] } else { vec![tag, 0x82, (length >> 8) as u8, length as u8] };
        [head, content.to_vec()].concat()
    };
    let named =
        |what: &[u8], text: &str| wrap(SET, &wrap(SEQUENCE, &[wrap(OBJECT_IDENTIFIER, what), wrap(TEXTS[0], text.as_bytes())].concat()));
    let validity = [wrap(UTC_TIME, b"200101000000Z"), wrap(tag, not_after.as_bytes())].concat();
    let parts = [
        if version { wrap(VERSION, &wrap(INTEGER, &[2])) } else { Vec::new() },
        wrap(INTEGER, &[7]),
        wrap(SEQUENCE, &[]),
        wrap(SEQUENCE, &[0; 200]),
        wrap(SEQUENCE, &validity),
        wrap(SEQUENCE, &[named(&[0x55, 0x04, 0x0a], "Example"), named(&COMMON_NAME, "*.shop.example")].concat()),
    ];
    wrap(SEQUENCE, &wrap(SEQUENCE, &parts.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_read_in_both_time_formats() {
        for (version, tag, text, expected) in [
            (true, UTC_TIME, "261124150102Z", Ok(1_795_532_462)),
            (false, UTC_TIME, "491231235959Z", Ok(2_524_607_999)),
            (true, UTC_TIME, "500101000000Z", Ok(-631_152_000)),
            (true, GENERALIZED_TIME, "20500101000000Z", Ok(2_524_608_000)),
            // RFC 5280's "no end".
            (true, GENERALIZED_TIME, "99991231235959Z", Ok(253_402_300_799)),
            (true, UTC_TIME, "260230000000Z", Err("notAfter is no time: 260230000000Z")),
            (true, UTC_TIME, "261124250000Z", Err("notAfter is no time: 261124250000Z")),
            (true, GENERALIZED_TIME, "261124150102Z", Err("notAfter is no time: 261124150102Z")),
            (true, INTEGER, "261124150102Z", Err("notAfter is no time: 261124150102Z")),
        ] {
            assert_eq!(
                not_after(&example(version, tag, text)).map_err(|error| error.to_string()),
                expected.map_err(str::to_owned),
                "{text}"
            );
        }
    }

    #[test]
    fn the_beginning_and_the_common_name_are_read() {
        for version in [true, false] {
            let der = example(version, UTC_TIME, "261124150102Z");
            assert_eq!((not_before(&der), common_name(&der).as_deref()), (Some(1_577_836_800), Some("*.shop.example")));
            for length in 0..der.len() {
                assert!(common_name(&der[..length]).is_none());
            }
        }
        for (name, host, expected) in [
            ("localhost", "LOCALHOST", true),
            ("localhost", "localhost.example", false),
            ("*.shop.example", "a.shop.example", true),
            ("*.shop.example", "a.b.shop.example", false),
            ("*.shop.example", "shop.example", false),
            ("*.example", "a.example", false),
            ("*", "a", false),
            ("10.0.0.1", "10.0.0.1", true),
        ] {
            assert_eq!(names_host(name, host), expected, "{name} {host}");
        }
    }

    #[test]
    fn an_error_names_the_part_that_is_cut_off() {
        let whole = example(true, UTC_TIME, "261124150102Z");
        for length in 0..whole.len() {
            assert!(not_after(&whole[..length]).is_err());
        }
        assert_eq!(not_after(b"").unwrap_err().to_string(), "the certificate is cut off");
        assert_eq!(not_after(b"\x30\x80\x00\x00").unwrap_err().to_string(), "the certificate is cut off");
        assert_eq!(not_after(b"\x02\x01\x00").unwrap_err().to_string(), "the certificate: tag 0x02 in the place of 0x30");
    }
}
