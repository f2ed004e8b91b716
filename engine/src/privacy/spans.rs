//! Spans.

use super::Kept;
use super::pass::{Fate, Of, Pass};
use super::who::is_agent;
use crate::traces::span::{Attributes, Span, Spans};

/// Takes out of the spans of a request what is not kept.
pub fn filter_spans(spans: &mut [Spans], kept: &Kept) {
    let mut pass = Pass::new(kept);
    for spans in spans {
        if is_agent(&spans.service) || is_agent(&spans.scope.0) {
            pass.attributes(&mut spans.resource, Of::Agent { tool: false }, Vec::new());
            spans.spans.iter_mut().for_each(|span| agents_span(&mut pass, span));
        } else {
            spans.spans.iter_mut().for_each(|span| others_span(&mut pass, span));
        }
    }
}

fn agents_span(pass: &mut Pass<'_>, span: &mut Span) {
    let of = Of::agent(&span.attributes);
    let mut gone = Vec::new();
    cleaned(pass, &mut span.name);
    if !span.message.is_empty() {
        if of == (Of::Agent { tool: true }) && !pass.keeps(super::Kinds::TOOL_OUTPUTS) {
            span.message.clear();
            gone.push("message");
        } else if pass.text_in(&mut span.message) {
            gone.push("message");
        }
    }
    pass.attributes(&mut span.attributes, of, gone);
    for event in &mut span.events {
        cleaned(pass, &mut event.name);
        // What happens within a tool's span is about the tool.
        let of = if of == (Of::Agent { tool: true }) { of } else { Of::agent(&event.attributes) };
        pass.attributes(&mut event.attributes, of, Vec::new());
    }
    for link in &mut span.links {
        pass.attributes(&mut link.attributes, of, Vec::new());
    }
}

fn cleaned(pass: &mut Pass<'_>, text: &mut String) {
    if let Fate::Instead(other) = pass.cleaned(text) {
        *text = other;
    }
}

fn others_span(pass: &mut Pass<'_>, span: &mut Span) {
    let mut attributes = |attributes: &mut Attributes| {
        let at = attributes.partition_point(|(name, _)| name.as_str() < "gen_ai");
        if attributes.get(at).is_some_and(|(name, _)| name.starts_with("gen_ai")) {
            pass.attributes(attributes, Of::Other, Vec::new());
        }
    };
    attributes(&mut span.attributes);
    span.events.iter_mut().for_each(|event| attributes(&mut event.attributes));
    span.links.iter_mut().for_each(|link| attributes(&mut link.attributes));
}
