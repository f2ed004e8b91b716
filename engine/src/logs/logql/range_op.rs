//! The functions of range aggregations, and what each may be given.

use crate::promql::syntax::AggregateOp;

/// What is worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RangeOp {
    Count,
    Rate,
    Bytes,
    BytesRate,
    Absent,
    Sum,
    Avg,
    Min,
    Max,
    Stdvar,
    Stddev,
    Quantile,
    First,
    Last,
}

impl RangeOp {
    const ALL: [(&str, Self); 14] = [
        ("count_over_time", Self::Count),
        ("rate", Self::Rate),
        ("bytes_over_time", Self::Bytes),
        ("bytes_rate", Self::BytesRate),
        ("absent_over_time", Self::Absent),
        ("sum_over_time", Self::Sum),
        ("avg_over_time", Self::Avg),
        ("min_over_time", Self::Min),
        ("max_over_time", Self::Max),
        ("stdvar_over_time", Self::Stdvar),
        ("stddev_over_time", Self::Stddev),
        ("quantile_over_time", Self::Quantile),
        ("first_over_time", Self::First),
        ("last_over_time", Self::Last),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, op)| *op)
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, op)| *op == self).map_or("", |(name, _)| name)
    }

    /// Whether it may be of an unwrapped label, and grouped.
    pub(super) fn check(self, unwrapped: bool, grouped: bool) -> Result<(), String> {
        let counts = matches!(self, Self::Count | Self::Bytes | Self::BytesRate);
        let either = matches!(self, Self::Rate | Self::Absent);
        if counts && unwrapped {
            return Err(format!("{}() counts lines or their bytes; leave out | unwrap", self.name()));
        }
        if !counts && !either && !unwrapped {
            return Err(format!("{}() needs a label to take values from, such as | unwrap duration", self.name()));
        }
        if grouped && (counts || either || self == Self::Sum) {
            return Err(format!("{}() takes no `by` or `without`; put sum by (…) around it", self.name()));
        }
        Ok(())
    }

    pub(super) fn is_per_second(self) -> bool {
        matches!(self, Self::Rate | Self::BytesRate)
    }

    pub(super) fn reads_bytes(self) -> bool {
        matches!(self, Self::Bytes | Self::BytesRate)
    }

    /// Whether an aggregation around it may be done along with it, since that comes to the same.
    pub(super) fn is_shared_by(self, op: AggregateOp) -> bool {
        match op {
            AggregateOp::Sum => matches!(self, Self::Count | Self::Rate | Self::Bytes | Self::BytesRate | Self::Sum),
            AggregateOp::Min => self == Self::Min,
            AggregateOp::Max => self == Self::Max,
            _ => false,
        }
    }
}
