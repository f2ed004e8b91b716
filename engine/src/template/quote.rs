//! Texts in quotes, as Go writes them in source code.

/// The value of a text in double quotes, single quotes or backquotes. None: it is not one that Go accepts.
pub(super) fn unquoted(text: &str) -> Option<String> {
    let quote = text.chars().next()?;
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    if quote == '`' {
        // Go drops carriage returns of raw texts.
        return Some(inner.replace('\r', ""));
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c == '\n' || c == quote {
            return None;
        }
        let mut encoded = [0; 4];
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut encoded).as_bytes());
            continue;
        }
        match chars.next()? {
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'f' => bytes.push(12),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(11),
            '\\' => bytes.push(b'\\'),
            c if c == quote => bytes.push(c as u8),
            'x' => bytes.push(u8::try_from(code(&mut chars, 2, 16)?).ok()?),
            'u' => bytes.extend_from_slice(char::from_u32(code(&mut chars, 4, 16)?)?.encode_utf8(&mut encoded).as_bytes()),
            'U' => bytes.extend_from_slice(char::from_u32(code(&mut chars, 8, 16)?)?.encode_utf8(&mut encoded).as_bytes()),
            digit @ '0'..='7' => {
                let rest = code(&mut chars, 2, 8)?;
                bytes.push(u8::try_from(digit.to_digit(8)? * 64 + rest).ok()?);
            }
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn code(chars: &mut std::str::Chars<'_>, digits: usize, radix: u32) -> Option<u32> {
    (0..digits).try_fold(0_u32, |code, _| code.checked_mul(radix)?.checked_add(chars.next()?.to_digit(radix)?))
}
