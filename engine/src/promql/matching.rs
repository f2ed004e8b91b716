//! Binary operators between vectors: set operators, and vector matching one to one, many to one and one to many.

use rustc_hash::FxHashMap;

use super::binary::{combine, is_trim};
use super::error::{EvalError, execution};
use super::eval::Evaluator;
use super::notes;
use super::syntax::{Binary, BinaryOp, Cardinality, MatchLabels, VectorMatching};
use super::value::{ABSENT, Grid, METRIC_LABELS, Row, is_absent, unique, without_name};
use crate::model::Labels;

/// The default: all labels but those of the metric, one to one.
static DEFAULT: VectorMatching =
    VectorMatching { labels: MatchLabels::Ignoring(Vec::new()), cardinality: Cardinality::OneToOne, fill_left: None, fill_right: None };

/// Evaluates an operator between two vectors.
pub(super) fn eval(ev: &Evaluator<'_>, expr: &Binary, left: Vec<Row>, right: Vec<Row>, grid: &Grid) -> Result<Vec<Row>, EvalError> {
    let matching = Matching { ev, expr, matching: expr.matching.as_ref().unwrap_or(&DEFAULT), grid };
    match expr.op {
        BinaryOp::And => matching.and(left, &right, true),
        BinaryOp::Unless => matching.and(left, &right, false),
        BinaryOp::Or => matching.or(left, right),
        _ => matching.matched(left, right),
    }
}

struct Matching<'m, 'a> {
    ev: &'m Evaluator<'a>,
    expr: &'m Binary,
    matching: &'m VectorMatching,
    grid: &'m Grid,
}

/// The instants at which there is a value, by the labels that are matched.
type Presence = FxHashMap<Labels, Vec<bool>>;

impl Matching<'_, '_> {
    /// The labels that matching rows share.
    fn key(&self, labels: &Labels) -> Labels {
        match &self.matching.labels {
            MatchLabels::On(on) => labels.only(&on.iter().map(String::as_str).collect::<Vec<_>>()),
            MatchLabels::Ignoring(ignoring) if ignoring.is_empty() => without_name(labels),
            MatchLabels::Ignoring(ignoring) => {
                labels.without(&ignoring.iter().map(String::as_str).chain(METRIC_LABELS).collect::<Vec<_>>())
            }
        }
    }

    fn presence(&self, rows: &[Row]) -> Result<Presence, EvalError> {
        let mut present: Presence = FxHashMap::default();
        for row in rows {
            let key = self.key(&row.labels);
            if !present.contains_key(&key) {
                self.ev.hold_labels(&key)?;
                self.ev.memory.hold(self.grid.count)?;
            }
            let at = present.entry(key).or_insert_with(|| vec![false; self.grid.count]);
            at.iter_mut().zip(&row.values).for_each(|(present, v)| *present |= !is_absent(*v));
        }
        Ok(present)
    }

    /// Rows of the left side where the right side has a value with the same key; where it has none if `wanted` is false.
    fn and(&self, left: Vec<Row>, right: &[Row], wanted: bool) -> Result<Vec<Row>, EvalError> {
        let present = self.presence(right)?;
        let none = vec![false; self.grid.count];
        let chosen = |row: Row| {
            let other = present.get(&self.key(&row.labels)).unwrap_or(&none);
            let values = row.values.iter().zip(other).map(|(v, present)| if *present == wanted { *v } else { ABSENT }).collect();
            Row { values, ..row }
        };
        Ok(left.into_iter().map(chosen).collect())
    }

    fn or(&self, left: Vec<Row>, right: Vec<Row>) -> Result<Vec<Row>, EvalError> {
        let present = self.presence(&left)?;
        let none = vec![false; self.grid.count];
        let mut rows = left;
        for row in right {
            let other = present.get(&self.key(&row.labels)).unwrap_or(&none);
            let values = row.values.iter().zip(other).map(|(v, present)| if *present { ABSENT } else { *v }).collect();
            rows.push(Row { values, ..row });
        }
        unique(rows)
    }

    fn matched(&self, left: Vec<Row>, right: Vec<Row>) -> Result<Vec<Row>, EvalError> {
        let (mut many, mut one) = if self.is_swapped() { (right, left) } else { (left, right) };
        // As in Prometheus the sides are not the operands: `fill_left` fills the side of many, also if that is the right one.
        let more_many = self.matching.fill_left.map(|v| self.filled(&one, &many, v)).transpose()?.unwrap_or_default();
        let more_one = self.matching.fill_right.map(|v| self.filled(&many, &one, v)).transpose()?.unwrap_or_default();
        many.extend(more_many);
        one.extend(more_one);
        let by_key = self.by_key(&one)?;
        self.check_one(&many, &one, &by_key)?;
        if is_trim(self.expr.op) {
            return self.trimmed(&many, &one, &by_key);
        }
        let mut keys: Vec<Labels> = Vec::with_capacity(many.len());
        for row in &many {
            let key = self.key(&row.labels);
            self.ev.hold_labels(&key)?;
            keys.push(key);
        }
        let mut pairs = Pairs::new(self, &keys);
        let mut out: Vec<Row> = Vec::new();
        for (row, key) in many.iter().zip(&keys) {
            for &member in by_key.get(key).into_iter().flatten() {
                let partner = &one[member];
                let drops_name = self.expr.returns_bool && self.ev.params.delayed_names;
                let labels = self.labels(row, partner, drops_name);
                pairs.note(key, &labels, row, partner)?;
                self.ev.hold_row(&labels, self.grid)?;
                out.push(Row { labels, values: self.values(row, partner), drops_name });
            }
        }
        self.ev.check()?;
        unique(out)
    }

    /// Whether the right side is the side of many.
    fn is_swapped(&self) -> bool {
        matches!(self.matching.cardinality, Cardinality::OneToMany(_))
    }

    fn by_key(&self, rows: &[Row]) -> Result<FxHashMap<Labels, Vec<usize>>, EvalError> {
        let mut found: FxHashMap<Labels, Vec<usize>> = FxHashMap::default();
        for (at, row) in rows.iter().enumerate() {
            let key = self.key(&row.labels);
            self.ev.hold_labels(&key)?;
            found.entry(key).or_default().push(at);
        }
        Ok(found)
    }

    /// At each instant a key may have one row on the side of one.
    fn check_one(&self, many: &[Row], one: &[Row], by_key: &FxHashMap<Labels, Vec<usize>>) -> Result<(), EvalError> {
        // If one side is empty nothing is matched, and nothing can be wrong.
        let fills = self.matching.fill_left.is_some() || self.matching.fill_right.is_some();
        let is_matched = |at: usize| fills || many.iter().any(|row| !is_absent(row.values[at]));
        let mut matched: Option<Vec<bool>> = None;
        for (key, members) in by_key.iter().filter(|(_, members)| members.len() > 1) {
            let matched = matched.get_or_insert_with(|| (0..self.grid.count).map(is_matched).collect());
            for at in (0..self.grid.count).filter(|at| matched[*at]) {
                let mut present = members.iter().filter(|&&m| !is_absent(one[m].values[at]));
                if let (Some(&a), Some(&b)) = (present.next(), present.next()) {
                    return execution(format!(
                        "found duplicate series for the match group {} on the {} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                        key.in_braces(),
                        if self.is_swapped() { "left" } else { "right" },
                        one[b].labels.in_braces(),
                        one[a].labels.in_braces()
                    ));
                }
            }
        }
        Ok(())
    }

    /// `</` and `>/` have no value for floats.
    fn trimmed(&self, many: &[Row], one: &[Row], by_key: &FxHashMap<Labels, Vec<usize>>) -> Result<Vec<Row>, EvalError> {
        let meet = |a: &Row, b: &Row| a.values.iter().zip(&b.values).any(|(a, b)| !is_absent(*a) && !is_absent(*b));
        let partners = |row: &Row| by_key.get(&self.key(&row.labels)).map_or(&[][..], Vec::as_slice);
        if many.iter().any(|row| partners(row).iter().any(|&m| meet(row, &one[m]))) {
            notes::incompatible_floats(self.ev, self.expr.range, self.expr.op.symbol())?;
        }
        Ok(Vec::new())
    }

    /// For each key of `present`, a row with the value where `present` has one and `missing` has none.
    fn filled(&self, present: &[Row], missing: &[Row], value: f64) -> Result<Vec<Row>, EvalError> {
        let (present, missing) = (self.presence(present)?, self.presence(missing)?);
        let none = vec![false; self.grid.count];
        let fill = |(labels, present): (Labels, Vec<bool>)| {
            let other = missing.get(&labels).unwrap_or(&none);
            self.ev.hold_row(&labels, self.grid)?;
            let values = present.iter().zip(other).map(|(present, other)| if *present && !*other { value } else { ABSENT }).collect();
            Ok(Row::new(labels, values))
        };
        present.into_iter().map(fill).collect()
    }

    fn values(&self, row: &Row, partner: &Row) -> Vec<f64> {
        let (op, as_bool, swapped) = (self.expr.op, self.expr.returns_bool, self.is_swapped());
        let value = |(a, b): (&f64, &f64)| match (is_absent(*a) || is_absent(*b), swapped) {
            (true, _) => ABSENT,
            (false, true) => combine(op, as_bool, *b, *a, *b),
            (false, false) => combine(op, as_bool, *a, *b, *a),
        };
        row.values.iter().zip(&partner.values).map(value).collect()
    }

    /// The labels of the result of a pair.
    fn labels(&self, many: &Row, one: &Row, drops_name_later: bool) -> Labels {
        let keeps_name = drops_name_later || (self.expr.op.is_comparison() && !self.expr.returns_bool);
        let labels = if keeps_name { many.labels.clone() } else { without_name(&many.labels) };
        match (&self.matching.cardinality, &self.matching.labels) {
            (Cardinality::ManyToOne(include) | Cardinality::OneToMany(include), _) => {
                include.iter().fold(labels, |labels, name| labels.with(name, one.labels.get(name).unwrap_or("")))
            }
            (_, MatchLabels::On(on)) => labels.only(&on.iter().map(String::as_str).collect::<Vec<_>>()),
            (_, MatchLabels::Ignoring(ignoring)) if ignoring.is_empty() => labels,
            (_, MatchLabels::Ignoring(ignoring)) => labels.without(&ignoring.iter().map(String::as_str).collect::<Vec<_>>()),
        }
    }
}

/// The pairs of rows so far, to refuse a second one at the same instant.
struct Pairs<'p, 'm, 'a> {
    matching: &'p Matching<'m, 'a>,
    /// How many rows of the side of many have a key.
    sizes: FxHashMap<&'p Labels, usize>,
    /// The instants at which a key has been matched; with the labels of the result if several rows may match one.
    matched: FxHashMap<(&'p Labels, Option<Labels>), Vec<bool>>,
}

impl<'p, 'm, 'a> Pairs<'p, 'm, 'a> {
    fn new(matching: &'p Matching<'m, 'a>, keys: &'p [Labels]) -> Self {
        let mut sizes: FxHashMap<&Labels, usize> = FxHashMap::default();
        keys.iter().for_each(|key| *sizes.entry(key).or_default() += 1);
        Self { matching, sizes, matched: FxHashMap::default() }
    }

    /// Notes a pair. A comparison that drops both has matched them, too.
    fn note(&mut self, key: &'p Labels, labels: &Labels, row: &Row, partner: &Row) -> Result<(), EvalError> {
        if self.sizes.get(key).is_none_or(|size| *size < 2) {
            return Ok(());
        }
        let Matching { ev, grid, matching, .. } = self.matching;
        let one_to_one = matching.cardinality == Cardinality::OneToOne;
        let place = (key, (!one_to_one).then(|| labels.clone()));
        if !self.matched.contains_key(&place) {
            ev.hold_labels(labels)?;
            ev.memory.hold(grid.count)?;
        }
        let matched = self.matched.entry(place).or_insert_with(|| vec![false; grid.count]);
        for (matched, (a, b)) in matched.iter_mut().zip(row.values.iter().zip(&partner.values)) {
            let both = !is_absent(*a) && !is_absent(*b);
            if both && *matched {
                return execution(if one_to_one {
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                } else {
                    "multiple matches for labels: grouping labels must ensure unique matches"
                });
            }
            *matched |= both;
        }
        Ok(())
    }
}
