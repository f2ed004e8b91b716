//! A query as a tree, as Prometheus shows it: `/api/v1/parse_query`.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use serde_json::{Value, json};
use taskpulse_engine::model::NAME_LABEL;
use taskpulse_engine::promql::parse_expr;
use taskpulse_engine::promql::syntax::{
    Arity, At, Binary, Cardinality, DurationExpr, Expr, Extended, Grid, Grouping, MatchLabels, Number, Signature, VectorMatching,
    VectorSelector,
};

use crate::envelope::{ApiError, blocking};
use crate::parameter::QUERY;
use crate::params::Params;
use crate::route::Route;
use crate::shapes;

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::get_or_post("/api/v1/parse_query", parse_query).about("A query as a tree").parameters(&[QUERY]).answers(shapes::TREE)]
}

async fn parse_query(params: Params) -> Result<HttpResponse, ApiError> {
    let query = params.required("query")?.to_owned();
    let tree = blocking(move || Ok(tree(&parse_expr(&query)?))).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(format!("{{\"status\":\"success\",\"data\":{tree}}}")))
}

/// The JSON of an expression. It is written directly, because a chain of operators nests deeper in JSON than a stack allows.
fn tree(expr: &Expr) -> String {
    let mut out = String::new();
    push(&mut out, expr);
    out
}

/// A field of a node.
enum Field<'e> {
    Value(Value),
    Node(&'e Expr),
    Nodes(&'e [Expr]),
}

fn push_fields(out: &mut String, fields: Vec<(&str, Field<'_>)>) {
    for (at, (name, field)) in fields.into_iter().enumerate() {
        out.extend([if at > 0 { "," } else { "" }, "\"", name, "\":"]);
        match field {
            Field::Value(value) => out.push_str(&value.to_string()),
            Field::Node(expr) => push(out, expr),
            Field::Nodes(exprs) => {
                out.push('[');
                for (at, expr) in exprs.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    push(out, expr);
                }
                out.push(']');
            }
        }
    }
}

fn push(out: &mut String, expr: &Expr) {
    if let Expr::Binary(binary) = expr {
        return push_chain(out, binary);
    }
    out.push('{');
    push_fields(out, fields(expr));
    out.push('}');
}

/// Writes `a + b + c`, the last operator outermost, without recursion along it.
fn push_chain(out: &mut String, binary: &Binary) {
    let (first, operators) = binary.chain();
    operators.iter().for_each(|_| out.push_str("{\"lhs\":"));
    push(out, first);
    for binary in operators {
        out.push(',');
        let fields = [
            ("rhs", Field::Node(&binary.rhs)),
            ("type", Field::Value(json!("binaryExpr"))),
            ("op", Field::Value(json!(binary.op.symbol()))),
            ("matching", Field::Value(binary.matching.as_ref().map_or(Value::Null, matching))),
            ("bool", Field::Value(json!(binary.returns_bool))),
        ];
        push_fields(out, fields.into());
        out.push('}');
    }
}

fn fields(expr: &Expr) -> Vec<(&'static str, Field<'_>)> {
    let typed = |kind: &str| ("type", Field::Value(json!(kind)));
    match expr {
        // Written by `push_chain`.
        Expr::Binary(_) => Vec::new(),
        Expr::Number(number) => vec![typed("numberLiteral"), ("val", Field::Value(decimal(number)))],
        Expr::Text(text) => vec![typed("stringLiteral"), ("val", Field::Value(json!(text.value)))],
        Expr::Vector(selector) => {
            let mut fields = vec![typed("vectorSelector")];
            fields.extend(selector_fields(selector));
            fields
        }
        Expr::Matrix(matrix) => {
            let mut fields = vec![typed("matrixSelector")];
            fields.extend(duration_fields("range", "rangeExpr", Some(&matrix.length)));
            fields.extend(selector_fields(&matrix.selector));
            fields
        }
        Expr::Subquery(subquery) => {
            let mut fields = vec![typed("subquery"), ("expr", Field::Node(&subquery.expr))];
            fields.extend(duration_fields("range", "rangeExpr", Some(&subquery.length)));
            fields.extend(duration_fields("step", "stepExpr", subquery.step.as_ref()));
            fields.extend(time_fields(subquery.at, subquery.offset.as_ref()));
            fields
        }
        Expr::Call(call) => vec![typed("call"), ("func", Field::Value(function(call.function))), ("args", Field::Nodes(&call.args))],
        Expr::Aggregate(aggregate) => {
            let (Grouping::By(labels) | Grouping::Without(labels)) = &aggregate.grouping;
            vec![
                typed("aggregation"),
                ("op", Field::Value(json!(aggregate.op.symbol()))),
                ("expr", Field::Node(&aggregate.expr)),
                ("param", aggregate.param.as_ref().map_or(Field::Value(Value::Null), Field::Node)),
                ("grouping", Field::Value(json!(labels))),
                ("without", Field::Value(json!(matches!(aggregate.grouping, Grouping::Without(_))))),
            ]
        }
        Expr::Unary(unary) => {
            let op = if unary.negative { "-" } else { "+" };
            vec![typed("unaryExpr"), ("op", Field::Value(json!(op))), ("expr", Field::Node(&unary.expr))]
        }
        Expr::Paren(paren) => vec![typed("parenExpr"), ("expr", Field::Node(&paren.expr))],
    }
}

/// A number without exponent, as text.
fn decimal(number: &Number) -> Value {
    json!(Number { is_duration: false, ..*number }.to_string())
}

fn selector_fields(selector: &VectorSelector) -> Vec<(&'static str, Field<'static>)> {
    let matcher = |name: &str, op: &str, value: &str| json!({"name": name, "type": op, "value": value});
    let in_braces = selector.matchers.iter().map(|m| matcher(&m.name, m.op.symbol(), &m.value));
    let matchers: Vec<Value> = in_braces.chain(selector.name.iter().map(|name| matcher(NAME_LABEL, "=", name))).collect();
    let mut fields = vec![
        ("name", Field::Value(json!(selector.name.as_deref().unwrap_or("")))),
        ("matchers", Field::Value(Value::from(matchers))),
        ("anchored", Field::Value(json!(selector.extended == Some(Extended::Anchored)))),
        ("smoothed", Field::Value(json!(selector.extended == Some(Extended::Smoothed)))),
    ];
    fields.extend(time_fields(selector.at, selector.offset.as_ref()));
    fields
}

/// The fields of `@` and `offset`.
fn time_fields(at: Option<At>, offset: Option<&DurationExpr>) -> Vec<(&'static str, Field<'static>)> {
    let (timestamp, start_or_end) = match at {
        None => (Value::Null, Value::Null),
        Some(At::Time(ms)) => (json!(ms), Value::Null),
        Some(At::Start) => (Value::Null, json!("start")),
        Some(At::End) => (Value::Null, json!("end")),
    };
    let mut fields = vec![("timestamp", Field::Value(timestamp)), ("startOrEnd", Field::Value(start_or_end))];
    fields.extend(duration_fields("offset", "offsetExpr", offset));
    fields
}

/// A duration: milliseconds if it is a literal, else 0 and the expression.
fn duration_fields(name: &'static str, expr: &'static str, duration: Option<&DurationExpr>) -> [(&'static str, Field<'static>); 2] {
    let (millis, tree) = match duration {
        None => (0, Value::Null),
        Some(literal @ DurationExpr::Literal(_)) => (literal.offset_millis(Grid::default()).unwrap_or(0), Value::Null),
        Some(other) => (0, duration_tree(other, false)),
    };
    [(name, Field::Value(json!(millis))), (expr, Field::Value(tree))]
}

fn duration_tree(duration: &DurationExpr, wrapped: bool) -> Value {
    let node = |op: &str, lhs: Value, rhs: Value| json!({"type": "durationExpr", "op": op, "lhs": lhs, "rhs": rhs, "wrapped": wrapped});
    match duration {
        DurationExpr::Literal(number) => json!({"type": "numberLiteral", "val": decimal(number), "duration": number.is_duration}),
        DurationExpr::Step(_) => node("step", Value::Null, Value::Null),
        DurationExpr::Range(_) => node("range", Value::Null, Value::Null),
        DurationExpr::Negative(inner, _) => node("-", Value::Null, duration_tree(inner, false)),
        DurationExpr::Positive(inner, _) => node("+", Value::Null, duration_tree(inner, false)),
        DurationExpr::Paren(inner, _) => duration_tree(inner, true),
        DurationExpr::Binary(binary) => node(binary.op.symbol(), duration_tree(&binary.lhs, false), duration_tree(&binary.rhs, false)),
    }
}

fn matching(matching: &VectorMatching) -> Value {
    let (MatchLabels::On(labels) | MatchLabels::Ignoring(labels)) = &matching.labels;
    let (card, include): (_, &[String]) = match &matching.cardinality {
        Cardinality::OneToOne => ("one-to-one", &[]),
        Cardinality::ManyToOne(include) => ("many-to-one", include),
        Cardinality::OneToMany(include) => ("one-to-many", include),
        Cardinality::ManyToMany => ("many-to-many", &[]),
    };
    json!({
        "card": card,
        "labels": labels,
        "on": matches!(matching.labels, MatchLabels::On(_)),
        "include": include,
        "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
    })
}

fn function(signature: &Signature) -> Value {
    let variadic = match signature.arity {
        Arity::Exact => json!(0),
        Arity::Last(times) => json!(times),
        Arity::Any => json!(-1),
    };
    let types: Vec<&str> = signature.args.iter().map(|arg| arg.name()).collect();
    json!({"name": signature.name, "argTypes": types, "variadic": variadic, "returnType": signature.returns.name()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_the_shape_of_prometheus() {
        let name = |name: &str| json!({"name": "__name__", "type": "=", "value": name});
        let of = |query: &str, pointer: &str| {
            let tree: Value = serde_json::from_str(&tree(&parse_expr(query).unwrap())).unwrap();
            tree.pointer(pointer).cloned().unwrap_or_else(|| panic!("{query}: {tree}"))
        };
        for (query, pointer, expected) in [
            ("x{a=\"b\"}", "/matchers", json!([{"name": "a", "type": "=", "value": "b"}, name("x")])),
            ("{a=\"b\"}", "/matchers", json!([{"name": "a", "type": "=", "value": "b"}])),
            ("sum by (a) (rate(x[5m] offset 1m))", "/expr/args/0/matchers", json!([name("x")])),
            ("a + on (x) group_left (y) b", "/matching/card", json!("many-to-one")),
            ("a + on (x) group_left (y) b", "/matching/include", json!(["y"])),
            ("a + on (x) group_right b", "/matching/card", json!("one-to-many")),
            ("a + b", "/matching/card", json!("one-to-one")),
            ("a or b", "/rhs/matchers", json!([name("b")])),
            ("a or b", "/matching/card", json!("many-to-many")),
            ("a == bool 1", "/matching", json!(null)),
            ("time() + (a * 2)", "/matching", json!(null)),
            ("vector(1) + -(a * 2)", "/matching/card", json!("one-to-one")),
            ("topk(3, x)", "/param/val", json!("3")),
            ("x[5m:]", "/step", json!(0)),
            ("x[5m:1m]", "/step", json!(60_000)),
            ("rate(x[5m] smoothed)", "/args/0/smoothed", json!(true)),
            ("rate(x[5m] anchored)", "/args/0/anchored", json!(true)),
            ("x smoothed", "/smoothed", json!(true)),
            ("info(x, {a=\"b\"})", "/args/1/matchers", json!([{"name": "a", "type": "=", "value": "b"}])),
            ("rate(x[5m] anchored)", "/args/0/type", json!("matrixSelector")),
            ("rate(x[5m])", "/args/0/smoothed", json!(false)),
            ("-(x)", "/expr/expr/name", json!("x")),
            ("-(x)", "/op", json!("-")),
            ("a - b - c", "/lhs/rhs/name", json!("b")),
            ("a - b - c", "/rhs/name", json!("c")),
            ("1 + 2 * 3", "/rhs/op", json!("*")),
            ("a ^ b ^ c", "/rhs/rhs/name", json!("c")),
            ("a > bool 1h", "/rhs/val", json!("3600")),
            ("a > bool 1h", "/bool", json!(true)),
            ("a / fill_left (2) b", "/matching/fillValues", json!({"lhs": 2.0, "rhs": null})),
            ("sum without (b) (a)", "/without", json!(true)),
            ("x @ 1.5 offset -5m", "/timestamp", json!(1_500)),
            ("x @ 1.5 offset -5m", "/offset", json!(-300_000)),
            ("x @ end()", "/startOrEnd", json!("end")),
            ("x[5m]", "/rangeExpr", json!(null)),
            ("x[(1m)]", "/rangeExpr/val", json!("60")),
            ("x[step() * 2]", "/range", json!(0)),
            ("x[step() * 2]", "/rangeExpr/lhs", json!({"type": "durationExpr", "op": "step", "lhs": null, "rhs": null, "wrapped": false})),
            ("round(x)", "/func", json!({"name": "round", "argTypes": ["vector", "scalar"], "variadic": 1, "returnType": "vector"})),
            ("label_join(x, \"a\", \"b\")", "/func/variadic", json!(-1)),
        ] {
            assert_eq!(of(query, pointer), expected, "{query}");
        }
    }

    #[test]
    fn the_longest_chain_is_a_tree() {
        let chain = format!("m{}", " + m".repeat(2_048));
        let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(move || tree(&parse_expr(&chain).unwrap()));
        assert_eq!(thread.unwrap().join().unwrap().matches("\"rhs\":").count(), 2_048 * 2);
    }
}
