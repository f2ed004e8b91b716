//! Comparisons: `eq`, `ne`, `lt`, `le`, `gt`, `ge`, with Go's rules. A whole number and a float are never compared.

use super::functions::Env;
use super::value::{Basic, Value};

const INCOMPATIBLE: &str = "incompatible types for comparison";
const INVALID: &str = "invalid type for comparison";

type Done = Result<Value, String>;

fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    let equal = match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Nil, _) | (_, Value::Nil) => false,
        _ if a.basic() != b.basic() => return Err(INCOMPATIBLE.to_owned()),
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Time(a), Value::Time(b)) | (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Sample(a), Value::Sample(b)) => std::sync::Arc::ptr_eq(a, b),
        _ => match (a.as_int(), b.as_int(), a.as_text(), b.as_text()) {
            (Some(a), Some(b), _, _) => a == b,
            (_, _, Some(a), Some(b)) => a == b,
            _ if matches!(a, Value::Labels(_) | Value::Args(_) | Value::Samples(_)) => {
                return Err(format!("non-comparable type {}: {}", super::print::printed(a)?, a.type_name()));
            }
            _ => return Err(INCOMPATIBLE.to_owned()),
        },
    };
    Ok(equal)
}

fn less(a: &Value, b: &Value) -> Result<bool, String> {
    let (Some(kind), Some(other)) = (a.basic(), b.basic()) else { return Err(INVALID.to_owned()) };
    if kind != other {
        return Err(INCOMPATIBLE.to_owned());
    }
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => Ok(a < b),
        _ if kind == Basic::Bool => Err(INVALID.to_owned()),
        _ if kind == Basic::Int => Ok(a.as_int() < b.as_int()),
        _ => Ok(a.as_text() < b.as_text()),
    }
}

fn less_or_equal(a: &Value, b: &Value) -> Result<bool, String> {
    Ok(less(a, b)? || equal(a, b)?)
}

/// Whether the first equals any of the others.
pub(super) fn eq(_: &mut Env<'_>, args: &[Value]) -> Done {
    if args.len() < 2 {
        return Err("missing argument for comparison".to_owned());
    }
    for other in &args[1..] {
        if equal(&args[0], other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::Bool(!equal(&args[0], &args[1])?))
}

pub(super) fn lt(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::Bool(less(&args[0], &args[1])?))
}

pub(super) fn le(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::Bool(less_or_equal(&args[0], &args[1])?))
}

/// As in Go the opposite of `le`, also where a number is NaN.
pub(super) fn gt(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::Bool(!less_or_equal(&args[0], &args[1])?))
}

/// As in Go the opposite of `lt`.
pub(super) fn ge(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::Bool(!less(&args[0], &args[1])?))
}
