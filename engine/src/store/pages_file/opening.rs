//! Finds the seals of a pages file when it is opened.

use super::*;

/// State while the frames of a file are read in order.
pub(super) struct Opening<'a> {
    pages: &'a mut PagesFile,
    expected: &'a Expected,
    /// Length that is known to be durable.
    durable: u64,
    /// End of what counts.
    good: u64,
    has_header: bool,
    /// Frames and damage since the last end record.
    pending: Vec<Stretch>,
}

impl<'a> Opening<'a> {
    pub(super) fn new(pages: &'a mut PagesFile, expected: &'a Expected, durable: u64) -> Self {
        Self { pages, expected, durable, good: 0, has_header: false, pending: Vec::new() }
    }

    /// Returns the length that counts.
    pub(super) fn run(mut self) -> Result<u64, OpenError> {
        let base = Arc::clone(&self.pages.base);
        for stretch in base.file.frames(0) {
            match stretch? {
                Stretch::Frame { at: 0, header } if header.kind == day_file::HEADER => {
                    if let Some(found) = readable(base.file.payload(0, &header))?.and_then(|b| FileHeader::of_payload(&b).ok()) {
                        self.expected.check(&found)?;
                        self.has_header = true;
                    }
                    self.good = header.frame_len() as u64;
                }
                Stretch::Frame { at, header } if header.kind == day_file::SEAL => {
                    if !self.end_of_seal(at, &header)? {
                        break;
                    }
                }
                other => self.pending.push(other),
            }
        }
        let len = base.file.len();
        let left = std::mem::take(&mut self.pending);
        self.without_end(&left.into_iter().filter(|stretch| place_of(stretch).0 < self.durable).collect::<Vec<_>>())?;
        if !self.has_header {
            return Err(CodecError::Damaged("its header cannot be read").into());
        }
        Ok(self.good.max(self.durable.min(len)))
    }

    /// Adds a seal; false if it and everything after it does not count.
    fn end_of_seal(&mut self, at: u64, header: &Header) -> Result<bool, OpenError> {
        let end = at + header.frame_len() as u64;
        let base = Arc::clone(&self.pages.base);
        let payload = readable(base.file.payload(at, header))?;
        let Some(seal) = payload.and_then(|bytes| SealEnd::decode(&bytes, at, self.expected).ok()) else {
            if end <= self.durable {
                base.report.lost("the end record of a seal is damaged; its pages were found one by one, nothing is lost");
            }
            return Ok(end <= self.durable);
        };
        let is_orphan = |stretch: &Stretch| place_of(stretch).1 <= seal.start;
        let (orphans, own): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending).into_iter().partition(is_orphan);
        if end > self.durable && !(seal.start == self.good.max(self.durable) && self.are_whole(&own)?) {
            self.pending = orphans;
            return Ok(false);
        }
        self.without_end(&orphans)?;
        if own.iter().any(|stretch| matches!(stretch, Stretch::Damage { .. })) {
            base.report.mended("the header of a record is damaged");
        }
        if !self.has_header {
            base.report.mended("its header is damaged");
            self.has_header = true;
        }
        self.pages.take_in(seal, header.number);
        self.good = end;
        Ok(true)
    }

    /// Whether frames that may not be durable are intact.
    fn are_whole(&self, frames: &[Stretch]) -> Result<bool, OpenError> {
        for stretch in frames {
            let Stretch::Frame { at, header } = stretch else { return Ok(false) };
            if readable(self.pages.base.file.payload(*at, header))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Finds pages and labels of seals whose end record is damaged.
    fn without_end(&mut self, stretches: &[Stretch]) -> Result<(), OpenError> {
        let base = Arc::clone(&self.pages.base);
        let mut seal = SealEnd::default();
        let mut through = 0;
        for stretch in stretches {
            let (from, to) = place_of(stretch);
            let place = Place { at: from, len: (to - from).saturating_sub(frame::HEADER as u64) };
            // A damaged header may be followed by an intact page.
            let is_page = match stretch {
                Stretch::Frame { header, .. } => {
                    through = through.max(header.number);
                    header.kind == day_file::PAGE
                }
                Stretch::Damage { .. } => true,
            };
            let directory = if is_page { readable(Directory::read(&base.file, place.payload().0, to))? } else { None };
            match (stretch, directory.and_then(|directory| PageAt::of(place, &directory))) {
                (_, Some(page)) => seal.pages.push(page),
                (Stretch::Frame { at, header }, None) if header.kind == day_file::LABELS => {
                    if let Some(labels) = readable(base.file.payload(*at, header))?.and_then(|b| day_file::read_labels(&b).ok()) {
                        seal.named.extend(labels.iter().map(|(id, _)| id.0));
                    }
                    seal.labels.push(place);
                }
                _ => {
                    self.pages.lost = true;
                    base.report.lost(&format!("bytes {from} to {to} cannot be read; the bytes around them can"));
                }
            }
        }
        if !seal.pages.is_empty() || !seal.labels.is_empty() {
            // They may be of several seals: no seal has a series twice in one page, and later seals come later.
            for page in split_by_order(std::mem::take(&mut seal.pages)) {
                self.pages.take_in(SealEnd { pages: page, ..SealEnd::default() }, through);
            }
            self.pages.take_in_labels(seal);
        }
        Ok(())
    }
}

/// Splits pages into parts within which the series rise.
pub(super) fn split_by_order(pages: Vec<PageAt>) -> Vec<Vec<PageAt>> {
    let mut parts: Vec<Vec<PageAt>> = Vec::new();
    for page in pages {
        match parts.last_mut().filter(|part| part.last().is_none_or(|last| last.ids[1] <= page.ids[0])) {
            Some(part) => part.push(page),
            None => parts.push(vec![page]),
        }
    }
    parts
}

pub(super) fn place_of(stretch: &Stretch) -> (u64, u64) {
    match stretch {
        Stretch::Frame { at, header } => (*at, at + header.frame_len() as u64),
        Stretch::Damage { from, to } => (*from, *to),
    }
}
