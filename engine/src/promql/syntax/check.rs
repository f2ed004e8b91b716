//! Type checks of a parsed query.

use std::collections::HashSet;

use super::ast::{Binary, Call, Cardinality, Expr, MatchLabels, Number, VectorSelector};
use super::error::{Diagnostic, TextRange};
use super::signature::{Arity, ValueType};
use super::text::quoted;

/// Checks an expression and returns its type. Also completes the tree: vector matching is kept only between two vectors, and
/// the filter of info() is marked.
///
/// Recursive, so messages are formatted in functions of their own to keep the frame small.
pub(super) fn check(query: &str, expr: &mut Expr) -> Result<ValueType, Diagnostic> {
    match expr {
        Expr::Number(_) | Expr::Text(_) => {}
        Expr::Vector(selector) => check_selector(selector)?,
        Expr::Matrix(matrix) => check_selector(&matrix.selector)?,
        Expr::Paren(paren) => return check(query, &mut paren.expr),
        Expr::Unary(unary) => {
            let found = check(query, &mut unary.expr)?;
            check_sign(found, unary.range)?;
        }
        Expr::Subquery(subquery) => {
            let found = check(query, &mut subquery.expr)?;
            check_subquery(found, subquery.range)?;
        }
        Expr::Aggregate(aggregate) => {
            let found = check(query, &mut aggregate.expr)?;
            expect(found, ValueType::Vector, aggregate.expr.range(), "aggregation expression")?;
            if let (Some(wanted), Some(param)) = (aggregate.op.param(), &mut aggregate.param) {
                let found = check(query, param)?;
                expect(found, wanted, param.range(), "aggregation parameter")?;
            }
        }
        Expr::Call(call) => {
            check_args(call)?;
            for at in 0..call.args.len() {
                let found = check(query, &mut call.args[at])?;
                check_arg(call, at, found)?;
            }
        }
        Expr::Binary(_) => return check_chain(query, expr),
    }
    Ok(expr.value_type())
}

/// Checks `a + b + c` from left to right. The chain is taken apart, because it may be longer than recursion allows.
fn check_chain(query: &str, expr: &mut Expr) -> Result<ValueType, Diagnostic> {
    let range = expr.range();
    let placeholder = || Expr::Number(Number { value: 0.0, is_duration: false, range });
    let mut operators = Vec::new();
    let mut left = std::mem::replace(expr, placeholder());
    while let Expr::Binary(mut binary) = left {
        left = std::mem::replace(&mut binary.lhs, placeholder());
        operators.push(binary);
    }
    let mut found = check(query, &mut left)?;
    while let Some(mut binary) = operators.pop() {
        binary.lhs = left;
        let types = (found, check(query, &mut binary.rhs)?);
        check_operands(query, &mut binary, types)?;
        found = if types == (ValueType::Scalar, ValueType::Scalar) { ValueType::Scalar } else { ValueType::Vector };
        left = Expr::Binary(binary);
    }
    *expr = left;
    Ok(found)
}

fn wrong<T>(range: TextRange, message: impl Into<String>) -> Result<T, Diagnostic> {
    Err(Diagnostic::new(range, message))
}

fn expect(found: ValueType, wanted: ValueType, range: TextRange, place: &str) -> Result<(), Diagnostic> {
    if found == wanted {
        return Ok(());
    }
    wrong(range, format!("expected type {} in {place}, got {}", wanted.documented(), found.documented()))
}

fn check_sign(found: ValueType, range: TextRange) -> Result<(), Diagnostic> {
    if matches!(found, ValueType::Scalar | ValueType::Vector) {
        return Ok(());
    }
    let found = quoted(found.documented());
    wrong(range, format!("unary expression only allowed on expressions of type scalar or instant vector, got {found}"))
}

fn check_subquery(found: ValueType, range: TextRange) -> Result<(), Diagnostic> {
    if found == ValueType::Vector {
        return Ok(());
    }
    wrong(range, format!("subquery is only allowed on instant vector, got {} instead", found.name()))
}

/// Checks what is known without compiling regular expressions.
fn check_selector(selector: &VectorSelector) -> Result<(), Diagnostic> {
    if let Some(name) = &selector.name
        && let Some(other) = selector.matchers.iter().find(|matcher| matcher.name == "__name__")
    {
        let (name, other) = (quoted(name), quoted(&other.value));
        return wrong(selector.range, format!("metric name must not be set twice: {name} or {other}"));
    }
    // Regular expressions count as non-empty here; the evaluator checks again once they are compiled.
    selector.check_not_empty(selector.matchers.iter().map(|matcher| matcher.accepts_empty().unwrap_or(false)))
}

impl VectorSelector {
    /// Refuses a selector that would select every series. `accept_empty` says of each matcher whether it accepts a missing
    /// label.
    ///
    /// # Errors
    /// If no matcher excludes the empty value.
    pub fn check_not_empty(&self, accept_empty: impl IntoIterator<Item = bool>) -> Result<(), Diagnostic> {
        if self.name.is_some() || self.filters_labels || !accept_empty.into_iter().all(|accepts| accepts) {
            return Ok(());
        }
        wrong(self.range, "vector selector must contain at least one non-empty matcher")
    }
}

/// Checks the number of arguments.
fn check_args(call: &mut Call) -> Result<(), Diagnostic> {
    let (function, given) = (call.function, call.args.len());
    let (name, types) = (quoted(function.name), function.args.len());
    let least = types - usize::from(function.arity != Arity::Exact);
    match function.arity {
        Arity::Exact if given != types => {
            return wrong(call.range, format!("expected {types} argument(s) in call to {name}, got {given}"));
        }
        Arity::Last(_) | Arity::Any if given < least => {
            return wrong(call.range, format!("expected at least {least} argument(s) in call to {name}, got {given}"));
        }
        Arity::Last(times) if given > least + times => {
            return wrong(call.range, format!("expected at most {} argument(s) in call to {name}, got {given}", least + times));
        }
        _ => {}
    }
    match call.args.get_mut(1) {
        Some(filter) if function.name == "info" => check_info_filter(filter, call.range),
        _ => Ok(()),
    }
}

fn check_arg(call: &Call, at: usize, found: ValueType) -> Result<(), Diagnostic> {
    match (call.function.arg_type(at), call.args.get(at)) {
        (Some(wanted), Some(arg)) => expect(found, wanted, arg.range(), &format!("call to function {}", quoted(call.function.name))),
        _ => Ok(()),
    }
}

/// The second argument of info() is a selector without name; it filters the labels to add.
fn check_info_filter(filter: &mut Expr, call: TextRange) -> Result<(), Diagnostic> {
    let (range, found) = (filter.range(), filter.value_type());
    if found != ValueType::Vector {
        let (wanted, found) = (ValueType::Vector.documented(), found.documented());
        return wrong(call, format!("expected type {wanted} in call to function \"info\", got {found}"));
    }
    match filter {
        Expr::Vector(selector) if selector.name.is_some() => wrong(range, "expected label selectors only, got vector selector instead"),
        Expr::Vector(selector) => {
            selector.filters_labels = true;
            Ok(())
        }
        _ => wrong(range, "expected label selectors only"),
    }
}

fn check_operands(query: &str, binary: &mut Binary, types: (ValueType, ValueType)) -> Result<(), Diagnostic> {
    let (op, name) = (binary.op, quoted(binary.op.symbol()));
    if binary.returns_bool && !op.is_comparison() {
        return wrong(operator(query, binary), "bool modifier can only be used on comparison operators");
    }
    if op.is_comparison() && !binary.returns_bool && types == (ValueType::Scalar, ValueType::Scalar) {
        return wrong(operator(query, binary), "comparisons between scalars must use BOOL modifier");
    }
    check_labels(query, binary)?;
    for (side, found) in [(&binary.lhs, types.0), (&binary.rhs, types.1)] {
        if !matches!(found, ValueType::Scalar | ValueType::Vector) {
            return wrong(side.range(), "binary expression must contain only scalar and instant vector types");
        }
    }
    let Some(matching) = &mut binary.matching else { return Ok(()) };
    let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
    if types != (ValueType::Vector, ValueType::Vector) {
        let (MatchLabels::On(labels) | MatchLabels::Ignoring(labels)) = &matching.labels;
        if !labels.is_empty() {
            return wrong(binary.range, "vector matching only allowed between instant vectors");
        }
        if fills {
            return wrong(binary.range, "filling in missing series only allowed between instant vectors");
        }
        binary.matching = None;
    } else if op.is_set() {
        if matches!(matching.cardinality, Cardinality::ManyToOne(_) | Cardinality::OneToMany(_)) {
            return wrong(binary.range, format!("no grouping allowed for {name} operation"));
        }
        if fills {
            return wrong(binary.range, "filling in missing series not allowed for set operators");
        }
        matching.cardinality = Cardinality::ManyToMany;
    }
    if op.is_set() && (types.0 == ValueType::Scalar || types.1 == ValueType::Scalar) {
        return wrong(binary.range, format!("set operator {name} not allowed in binary scalar expression"));
    }
    Ok(())
}

/// A label cannot be matched on and copied by `group_left` or `group_right`.
fn check_labels(query: &str, binary: &Binary) -> Result<(), Diagnostic> {
    let Some(matching) = &binary.matching else { return Ok(()) };
    let (MatchLabels::On(on), Cardinality::ManyToOne(include) | Cardinality::OneToMany(include)) =
        (&matching.labels, &matching.cardinality)
    else {
        return Ok(());
    };
    // A set, because both lists may be long.
    let include: HashSet<&String> = include.iter().collect();
    match on.iter().find(|label| include.contains(label)) {
        None => Ok(()),
        Some(label) => {
            let label = quoted(label);
            wrong(operator(query, binary), format!("label {label} must not occur in ON and GROUP clause at once"))
        }
    }
}

/// The range of a binary expression's operator, as Prometheus computes it.
fn operator(query: &str, binary: &Binary) -> TextRange {
    let between = TextRange::new(binary.lhs.range().end, binary.rhs.range().start);
    let text = query.get(between.start..between.end).unwrap_or("");
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    TextRange::new(between.end - text.trim_start_matches(blank).len(), between.start + text.trim_end_matches(blank).len())
}
