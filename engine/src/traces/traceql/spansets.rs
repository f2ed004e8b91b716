//! Sets of spans within a trace: of one filter, of several, and of spans that are part of each other.

use super::condition::Filter;
use super::trace::TraceView;

/// Which spans of a trace are in a set.
pub(super) type Set = Vec<bool>;

/// How a span has to do with another: that on the right side of the symbol with one on the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Relation {
    kin: Kin,
    /// Which spans come of it.
    side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kin {
    Child,
    Descendant,
    Parent,
    Ancestor,
    Sibling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Those on the right that have one on the left.
    Right,
    /// Those on the right that have none on the left.
    None,
    /// Both sides of each pair.
    Union,
}

impl Relation {
    /// All, longer symbols first.
    pub(super) const ALL: [Self; 15] = {
        use Kin::{Ancestor, Child, Descendant, Parent, Sibling};
        const fn of(kin: Kin, side: Side) -> Relation {
            Relation { kin, side }
        }
        [
            of(Descendant, Side::None),
            of(Ancestor, Side::None),
            of(Descendant, Side::Union),
            of(Ancestor, Side::Union),
            of(Descendant, Side::Right),
            of(Ancestor, Side::Right),
            of(Child, Side::None),
            of(Parent, Side::None),
            of(Sibling, Side::None),
            of(Child, Side::Union),
            of(Parent, Side::Union),
            of(Sibling, Side::Union),
            of(Child, Side::Right),
            of(Parent, Side::Right),
            of(Sibling, Side::Right),
        ]
    };

    pub(super) const fn symbol(self) -> &'static str {
        match (self.kin, self.side) {
            (Kin::Child, Side::Right) => ">",
            (Kin::Child, Side::None) => "!>",
            (Kin::Child, Side::Union) => "&>",
            (Kin::Descendant, Side::Right) => ">>",
            (Kin::Descendant, Side::None) => "!>>",
            (Kin::Descendant, Side::Union) => "&>>",
            (Kin::Parent, Side::Right) => "<",
            (Kin::Parent, Side::None) => "!<",
            (Kin::Parent, Side::Union) => "&<",
            (Kin::Ancestor, Side::Right) => "<<",
            (Kin::Ancestor, Side::None) => "!<<",
            (Kin::Ancestor, Side::Union) => "&<<",
            (Kin::Sibling, Side::Right) => "~",
            (Kin::Sibling, Side::None) => "!~",
            (Kin::Sibling, Side::Union) => "&~",
        }
    }

    fn apply(self, trace: &TraceView, left: &Set, right: &Set) -> Set {
        let related = self.kin.of(trace, left);
        match self.side {
            Side::Right => both(right, &related, |r, related| r && related),
            Side::None => both(right, &related, |r, related| r && !related),
            Side::Union => {
                let of_right = both(right, &related, |r, related| r && related);
                let back = self.kin.turned().of(trace, right);
                let of_left = both(left, &back, |l, related| l && related);
                both(&of_left, &of_right, |l, r| l || r)
            }
        }
    }
}

fn both(a: &Set, b: &Set, join: impl Fn(bool, bool) -> bool) -> Set {
    a.iter().zip(b).map(|(a, b)| join(*a, *b)).collect()
}

impl Kin {
    /// What the other of a pair is.
    const fn turned(self) -> Self {
        match self {
            Self::Child => Self::Parent,
            Self::Parent => Self::Child,
            Self::Descendant => Self::Ancestor,
            Self::Ancestor => Self::Descendant,
            Self::Sibling => Self::Sibling,
        }
    }

    /// The spans that are this to one of a set, in time that grows with the trace only.
    fn of(self, trace: &TraceView, set: &Set) -> Set {
        let count = trace.spans.len();
        match self {
            Self::Child => (0..count).map(|at| trace.parent(at).is_some_and(|parent| set[parent])).collect(),
            Self::Parent => {
                let mut out = vec![false; count];
                for parent in (0..count).filter(|at| set[*at]).filter_map(|at| trace.parent(at)) {
                    out[parent] = true;
                }
                out
            }
            Self::Ancestor => {
                let mut out = vec![false; count];
                for at in (0..count).filter(|at| set[*at]) {
                    let mut next = trace.parent(at);
                    while let Some(parent) = next.filter(|parent| !out[*parent]) {
                        out[parent] = true;
                        next = trace.parent(parent);
                    }
                }
                out
            }
            Self::Descendant => descendants(trace, set),
            Self::Sibling => {
                let mut children = vec![0u32; count];
                for parent in (0..count).filter(|at| set[*at]).filter_map(|at| trace.parent(at)) {
                    children[parent] += 1;
                }
                // Another one than itself.
                (0..count).map(|at| trace.parent(at).is_some_and(|parent| children[parent] > u32::from(set[at]))).collect()
            }
        }
    }
}

/// The spans that are within one of a set at any depth. Each is decided once; those that are within each other in a ring are in none
/// unless the set has one of the ring.
fn descendants(trace: &TraceView, set: &Set) -> Set {
    let count = trace.spans.len();
    let mut out: Vec<Option<bool>> = vec![None; count];
    let mut on_path = vec![false; count];
    let mut path = Vec::new();
    for at in 0..count {
        let mut here = at;
        let found = loop {
            if let Some(known) = out[here] {
                break known;
            }
            on_path[here] = true;
            path.push(here);
            match trace.parent(here) {
                Some(parent) if set[parent] => break true,
                Some(parent) if !on_path[parent] => here = parent,
                _ => break false,
            }
        };
        for decided in path.drain(..) {
            out[decided] = Some(found);
            on_path[decided] = false;
        }
    }
    out.into_iter().map(|known| known == Some(true)).collect()
}

/// Sets of spans, combined.
#[derive(Debug)]
pub(super) enum Spansets {
    Filter(Filter),
    Both { or: bool, sides: Box<(Spansets, Spansets)> },
    Related { relation: Relation, sides: Box<(Spansets, Spansets)> },
}

impl Spansets {
    /// The spans of a set that meet it; none where the trace does not.
    pub(super) fn of(&self, trace: &TraceView, within: &Set) -> Set {
        match self {
            Self::Filter(filter) => {
                trace.spans.iter().enumerate().map(|(at, span)| within[at] && filter.holds(span, Some((trace, at))) == Some(true)).collect()
            }
            Self::Both { or, sides } => {
                let (left, right) = (sides.0.of(trace, within), sides.1.of(trace, within));
                if !or && (!left.contains(&true) || !right.contains(&true)) {
                    return vec![false; within.len()];
                }
                both(&left, &right, |l, r| l || r)
            }
            Self::Related { relation, sides } => relation.apply(trace, &sides.0.of(trace, within), &sides.1.of(trace, within)),
        }
    }

    /// Passes each filter on.
    pub(super) fn each_filter<'s>(&'s self, each: &mut dyn FnMut(&'s Filter)) {
        match self {
            Self::Filter(filter) => each(filter),
            Self::Both { sides, .. } | Self::Related { sides, .. } => {
                sides.0.each_filter(each);
                sides.1.each_filter(each);
            }
        }
    }

    /// The filters of which a trace must have a span of one, to be found.
    pub(super) fn drivers(&self) -> Vec<&Filter> {
        match self {
            Self::Filter(filter) => vec![filter],
            Self::Both { or: true, sides } => [sides.0.drivers(), sides.1.drivers()].concat(),
            // No span on the left is what it asks for.
            Self::Related { relation, sides } if relation.side == Side::None => sides.1.drivers(),
            Self::Both { sides, .. } | Self::Related { sides, .. } => {
                let (left, right) = (sides.0.drivers(), sides.1.drivers());
                let by_service = |filters: &[&Filter]| filters.iter().all(|filter| filter.services().is_some());
                if by_service(&left) && !by_service(&right) { left } else { right }
            }
        }
    }
}
