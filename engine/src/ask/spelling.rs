//! Slips of the keyboard: which word of the grammar somebody meant to write.

/// Words that are near others and are meant as they are.
const OWN: [&str; 33] = [
    "mondays",
    "tuesdays",
    "wednesdays",
    "thursdays",
    "fridays",
    "saturdays",
    "sundays",
    "ghost",
    "mouth",
    "works",
    "test",
    "tests",
    "weak",
    "cast",
    "disco",
    "cores",
    "chart",
    "code",
    "codes",
    "cards",
    "mails",
    "fire",
    "file",
    "files",
    "users",
    "pages",
    "rows",
    "lines",
    "lists",
    "words",
    "boot",
    "books",
    "ports",
];

/// The words that `written` may be a slip of: a letter too many, one missing, two exchanged; in longer words another letter, in long ones
/// two slips. Those that are nearest; none where the slip is at the first letter or in a number.
pub(super) fn nearest<'a>(written: &str, words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let chars: Vec<char> = written.chars().collect();
    if chars.len() < 4 || OWN.contains(&written) || chars.iter().any(|c| !c.is_alphabetic()) {
        return Vec::new();
    }
    let (mut near, mut best) = (usize::MAX, Vec::new());
    for word in words {
        let other: Vec<char> = word.chars().collect();
        if other.len() < 4 || other.len().abs_diff(chars.len()) > 2 || other.contains(&' ') {
            continue;
        }
        let most = if chars.len().min(other.len()) < 9 { 1 } else { 2 };
        let far = distance(&chars, &other);
        if far == 0 || far > most || far > near || !allowed(&chars, &other, far) {
            continue;
        }
        if far < near {
            (near, best) = (far, Vec::new());
        }
        best.push(word);
    }
    best
}

/// Short words are near many others: only exchanged letters count there, and no other first letter but an exchanged one.
fn allowed(written: &[char], word: &[char], far: usize) -> bool {
    let exchanged = written.len() == word.len() && {
        let differing: Vec<usize> = (0..word.len()).filter(|&at| written[at] != word[at]).collect();
        matches!(differing[..], [a, b] if b == a + 1 && written[a] == word[b] && written[b] == word[a])
    };
    if exchanged && far == 1 {
        return true;
    }
    if written[0] != word[0] {
        return false;
    }
    match word.len() {
        // A letter too many or too few.
        ..=5 => written.len() != word.len(),
        _ => true,
    }
}

/// Optimal string alignment: letters added, left out, replaced, or exchanged with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut rows = vec![vec![0usize; width]; a.len() + 1];
    for (at, row) in rows.iter_mut().enumerate() {
        row[0] = at;
    }
    for (at, cell) in rows[0].iter_mut().enumerate() {
        *cell = at;
    }
    for i in 1..=a.len() {
        for j in 1..width {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_read_as_the_one_word_that_it_is_near() {
        let words =
            ["memory", "workflows", "slowest", "lowest", "disk", "fastest", "latest", "yesterday", "task", "tasks", "done", "without"];
        for (written, near) in [
            ("memroy", &["memory"][..]),
            ("memmory", &["memory"]),
            ("worfklows", &["workflows"]),
            ("slwest", &["slowest"]),
            ("dsik", &["disk"]),
            ("yesteday", &["yesterday"]),
            ("taks", &["task", "tasks"]),
            ("fatest", &["fastest"]),
            ("witout", &["without"]),
            ("desk", &[]),
            ("weak", &[]),
            ("dome", &[]),
            ("web1", &[]),
            ("cpu", &[]),
        ] {
            assert_eq!(nearest(written, words.into_iter()), near, "{written}");
        }
    }
}
