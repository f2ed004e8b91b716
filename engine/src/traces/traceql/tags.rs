//! Which names and values spans have, for forms in which a query is put together.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::condition::Filter;
use super::field::{Field, Intrinsic, Scope};
use super::search::CHECK_EVERY;
use super::source::{Scan, Source, TraceqlError};
use crate::logs::logql::Bounds;
use crate::logs::record::TimeNs;
use crate::traces::span::{Attributes, FullSpan};

/// Spans that are read for names and values: the newest of the range.
pub const NAMES_READ: u64 = 100_000;
/// Longest value that is offered, in bytes.
const MAX_VALUE: usize = 1_024;

/// The names of attributes, by where they belong to.
#[derive(Debug, Default)]
pub struct Names {
    /// Of spans.
    pub span: BTreeSet<String>,
    /// Of resources.
    pub resource: BTreeSet<String>,
    /// Of events.
    pub event: BTreeSet<String>,
    /// Of links.
    pub link: BTreeSet<String>,
    /// Spans that were read for it.
    pub spans_read: u64,
}

/// Which spans are asked, and how many answers there may be.
#[derive(Debug, Clone, Copy)]
pub struct NamesRequest<'f> {
    /// The first start of a span.
    pub start: TimeNs,
    /// The start after the last one.
    pub end: TimeNs,
    /// Of spans that meet this only.
    pub filter: Option<&'f Filter>,
    /// Names of each kind, or values.
    pub limit: usize,
}

impl NamesRequest<'_> {
    /// Passes the newest spans on until one breaks; how many were read.
    fn each(&self, bounds: &Bounds, source: &dyn Source, each: &mut dyn FnMut(&FullSpan) -> ControlFlow<()>) -> Result<u64, TraceqlError> {
        let (mut read, mut failed) = (0, None);
        let services = self.filter.and_then(Filter::services).map(|services| services.into_iter().collect());
        source.scan(&Scan { start: self.start, end: self.end, services }, &mut |span| {
            read += 1;
            if read % CHECK_EVERY == 0
                && let Err(error) = bounds.check()
            {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            if read > NAMES_READ {
                return ControlFlow::Break(());
            }
            if self.filter.is_some_and(|filter| !filter.may_hold(span)) {
                return ControlFlow::Continue(());
            }
            each(span)
        })?;
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(read.min(NAMES_READ)),
        }
    }
}

/// The names of the attributes that the newest spans of a range have.
///
/// # Errors
/// [`TraceqlError`]
pub fn names(request: &NamesRequest<'_>, bounds: &Bounds, source: &dyn Source) -> Result<Names, TraceqlError> {
    let mut names = Names::default();
    let add = |names: &mut BTreeSet<String>, attributes: &Attributes| {
        for (name, _) in attributes {
            if !names.contains(name) && names.len() < request.limit {
                names.insert(name.clone());
            }
        }
    };
    // Most spans share their resource with the one before.
    let mut resource: Option<Arc<Attributes>> = None;
    let read = request.each(bounds, source, &mut |span| {
        if !resource.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &span.resource)) {
            add(&mut names.resource, &span.resource);
            resource = Some(Arc::clone(&span.resource));
        }
        add(&mut names.span, &span.span.attributes);
        span.span.events.iter().for_each(|event| add(&mut names.event, &event.attributes));
        span.span.links.iter().for_each(|link| add(&mut names.link, &link.attributes));
        ControlFlow::Continue(())
    })?;
    names.spans_read = read;
    if request.filter.is_none() && read > 0 {
        // Each span is of a service, also one that does not say so.
        names.resource.insert("service.name".to_owned());
    }
    Ok(names)
}

/// The values of a field that the newest spans of a range have; what a trace is called is read off its root span.
///
/// # Errors
/// [`TraceqlError`]
pub fn values(
    field: &Field,
    request: &NamesRequest<'_>,
    bounds: &Bounds,
    source: &dyn Source,
) -> Result<(BTreeSet<String>, u64), TraceqlError> {
    let mut values = BTreeSet::new();
    let (field, of_root) = match field {
        Field::Intrinsic(Intrinsic::RootName) => (&Field::Intrinsic(Intrinsic::Name), true),
        Field::Intrinsic(Intrinsic::RootService) => (&Field::Attribute(Scope::Resource, "service.name".into()), true),
        other => (other, false),
    };
    let read = request.each(bounds, source, &mut |span| {
        if of_root && !span.span.is_root() {
            return ControlFlow::Continue(());
        }
        for value in field.values(span) {
            let text = value.text();
            if text.len() <= MAX_VALUE && !values.contains(text.as_ref()) {
                if values.len() >= request.limit {
                    return ControlFlow::Break(());
                }
                values.insert(text.into_owned());
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok((values, read))
}

/// The names of spans, by service.
pub type SpanNames = BTreeMap<Arc<str>, BTreeSet<String>>;

/// The names of the spans of each service, as far as the newest of a range have them, with how many spans were read.
///
/// # Errors
/// [`TraceqlError`]
pub fn span_names(request: &NamesRequest<'_>, bounds: &Bounds, source: &dyn Source) -> Result<(SpanNames, u64), TraceqlError> {
    let mut services = SpanNames::new();
    let mut count = 0;
    let read = request.each(bounds, source, &mut |span| {
        let names = services.entry(Arc::clone(&span.service)).or_default();
        if names.len() < request.limit && !names.contains(&span.span.name) {
            names.insert(span.span.name.clone());
            count += 1;
        }
        if count >= 20 * request.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok((services, read))
}

impl Names {
    /// By the scope that TraceQL has for them.
    #[must_use]
    pub fn by_scope(&self) -> [(&'static str, Scope, &BTreeSet<String>); 4] {
        [
            ("event", Scope::Event, &self.event),
            ("link", Scope::Link, &self.link),
            ("resource", Scope::Resource, &self.resource),
            ("span", Scope::Span, &self.span),
        ]
    }
}
