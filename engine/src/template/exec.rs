//! Expands a tree to text.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::ast::{Branch, Command, Node, Operand, OperandKind, Pipe};
use super::fields::{self, Field};
use super::functions::{Env, Function, Queries, Type, Words};
use super::number::Constant;
use super::parse::Trees;
use super::print::printed;
use super::value::Value;
use super::{Expansion, MAX_QUERIES, MAX_STEPS, MAX_TEXT_BYTES};
use crate::model::{TimestampMs, go_quoted};

/// How deep `{{template}}` may call others.
const MAX_CALLS: usize = 32;

/// Why a template has no text, in Prometheus' wording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error executing template {name}: template: {place}{message}")]
pub struct ExpandError {
    /// The name of the template.
    pub name: String,
    /// Where it failed, and in what.
    place: String,
    /// What went wrong.
    pub message: String,
}

/// What a message is about.
#[derive(Clone, Copy)]
enum About<'t> {
    Pipe(&'t Pipe),
    Command(&'t Command),
    Operand(&'t Operand),
    Node(&'t Node, usize),
}

impl About<'_> {
    fn at(self) -> usize {
        match self {
            Self::Pipe(pipe) => pipe.at,
            Self::Command(command) => command.at,
            Self::Operand(operand) => operand.at,
            Self::Node(_, at) => at,
        }
    }
}

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pipe(pipe) => pipe.fmt(f),
            Self::Command(command) => command.fmt(f),
            Self::Operand(operand) => operand.fmt(f),
            Self::Node(node, _) => f.write_str(&node.source()),
        }
    }
}

/// Why a walk ends early.
enum Stop {
    Break,
    Continue,
    Failed(String),
}

type Walked = Result<(), Stop>;
type Evaluated = Result<Value, Stop>;

fn failed<T>(message: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Failed(message.into()))
}

struct State<'t, 'e> {
    trees: &'t Trees,
    env: Env<'e>,
    out: String,
    variables: Vec<(&'t str, Value)>,
    about: Option<About<'t>>,
    steps: usize,
    calls: usize,
}

pub(super) fn expand(text: &str, trees: &Trees, expansion: Expansion<'_>) -> Result<String, ExpandError> {
    let Expansion { name, data, now, queries } = expansion;
    let external_url = data.external_url.clone();
    let env = Env { now, external_url, queries, queries_left: MAX_QUERIES, line: Arc::default(), time: 0, words: Words::Alerts };
    run(text, trees, name, Value::Data(data.into()), env)
}

/// Expands the template of a log line, whose labels are the dot.
pub(super) fn expand_line(
    text: &str,
    trees: &Trees,
    labels: BTreeMap<String, String>,
    (line, time, now): (&str, i64, TimestampMs),
) -> Result<String, ExpandError> {
    // Its functions ask no queries.
    let queries: Queries<'_> = &mut |_| Ok(Vec::new());
    let env = Env { now, external_url: Arc::default(), queries, queries_left: 0, line: line.into(), time, words: Words::Lines };
    run(text, trees, "line", Value::Labels(labels.into()), env)
}

fn run(text: &str, trees: &Trees, name: &str, dot: Value, env: Env<'_>) -> Result<String, ExpandError> {
    let variables = vec![("$", dot.clone())];
    let mut state = State { trees, env, out: String::new(), variables, about: None, steps: 0, calls: 0 };
    match state.walk_all(&trees.main, &dot) {
        // A `break` outside of loops is refused by the parser.
        Ok(()) | Err(Stop::Break | Stop::Continue) => Ok(state.out),
        Err(Stop::Failed(message)) => {
            let place = state.about.map_or_else(|| format!("{name}: "), |about| placed(text, name, about));
            Err(ExpandError { name: name.to_owned(), place, message })
        }
    }
}

fn placed(text: &str, name: &str, about: About<'_>) -> String {
    let before = &text[..about.at().min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    format!("{name}:{line}:{}: executing {} at <{about}>: ", before.len() - line_start, go_quoted(name))
}

impl<'t> State<'t, '_> {
    fn step(&mut self) -> Walked {
        self.steps += 1;
        if self.steps > MAX_STEPS { failed(format!("the template takes more than {MAX_STEPS} steps")) } else { Ok(()) }
    }

    fn write(&mut self, text: &str) -> Walked {
        if self.out.len() + text.len() > MAX_TEXT_BYTES {
            return failed(format!("the text is longer than {} KiB", MAX_TEXT_BYTES >> 10));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn walk_all(&mut self, nodes: &'t [Node], dot: &Value) -> Walked {
        nodes.iter().try_for_each(|node| self.walk(node, dot))
    }

    fn walk(&mut self, node: &'t Node, dot: &Value) -> Walked {
        self.step()?;
        match node {
            Node::Text(text) => self.write(text),
            Node::Action(pipe) => {
                self.about = Some(About::Node(node, pipe.at));
                let value = self.pipe(dot, pipe)?;
                if pipe.variables.is_empty() {
                    self.about = Some(About::Node(node, pipe.at));
                    let text = printed(&value).map_err(Stop::Failed)?;
                    self.write(&text)?;
                }
                Ok(())
            }
            Node::If(branch) | Node::With(branch) => self.choose(node, branch, dot),
            Node::Range(branch) => {
                let known = self.variables.len();
                let walked = self.range(branch, dot);
                self.variables.truncate(known);
                walked
            }
            Node::Break => Err(Stop::Break),
            Node::Continue => Err(Stop::Continue),
            Node::Template { name, at, pipe } => {
                self.about = Some(About::Node(node, *at));
                self.call_template(name, pipe.as_ref(), dot)
            }
        }
    }

    fn choose(&mut self, node: &'t Node, branch: &'t Branch, dot: &Value) -> Walked {
        let known = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let is_with = matches!(node, Node::With(_));
        let walked = match (value.truth(), is_with) {
            (true, true) => self.walk_all(&branch.body, &value),
            (true, false) => self.walk_all(&branch.body, dot),
            (false, _) => self.walk_all(&branch.otherwise, dot),
        };
        self.variables.truncate(known);
        walked
    }

    fn range(&mut self, branch: &'t Branch, dot: &Value) -> Walked {
        self.about = Some(About::Pipe(&branch.pipe));
        let value = self.pipe(dot, &branch.pipe)?;
        let items: Vec<(Value, Value)> = match &value {
            Value::Samples(samples) => {
                samples.iter().enumerate().map(|(at, sample)| (Value::Int(at as i64), Value::Sample(sample.clone()))).collect()
            }
            Value::Labels(map) => map.iter().map(|(name, value)| (Value::text(name), Value::text(value))).collect(),
            Value::Args(map) => map.iter().map(|(name, value)| (Value::text(name), value.clone())).collect(),
            // More are refused by the count of steps.
            Value::Int(count) => (0..(*count).clamp(0, MAX_STEPS as i64 + 1)).map(|at| (Value::Int(at), Value::Int(at))).collect(),
            Value::Nil => Vec::new(),
            other => {
                let shown = printed(other).map_err(Stop::Failed)?;
                return failed(format!("range can't iterate over {shown}"));
            }
        };
        if items.is_empty() {
            return self.walk_all(&branch.otherwise, dot);
        }
        let known = self.variables.len();
        for (index, item) in items {
            self.step()?;
            self.set_range_variables(&branch.pipe, index, &item)?;
            let walked = self.walk_all(&branch.body, &item);
            self.variables.truncate(known);
            match walked {
                Err(Stop::Break) => break,
                Ok(()) | Err(Stop::Continue) => {}
                failed => return failed,
            }
        }
        Ok(())
    }

    /// With two variables the first is the index; one alone is the item.
    fn set_range_variables(&mut self, pipe: &'t Pipe, index: Value, item: &Value) -> Walked {
        let values = match pipe.variables.len() {
            0 => return Ok(()),
            1 => vec![item.clone()],
            _ => vec![index, item.clone()],
        };
        if pipe.assigns {
            return pipe.variables.iter().zip(values).try_for_each(|(name, value)| self.assign(name, value));
        }
        let first = self.variables.len().saturating_sub(values.len());
        self.variables[first..].iter_mut().zip(values).for_each(|(variable, value)| variable.1 = value);
        Ok(())
    }

    fn call_template(&mut self, name: &str, pipe: Option<&'t Pipe>, dot: &Value) -> Walked {
        let Some(body) = self.trees.defined.get(name) else { return failed(format!("template {} not defined", go_quoted(name))) };
        if self.calls >= MAX_CALLS {
            return failed(format!("exceeded maximum template depth ({MAX_CALLS})"));
        }
        let dot = match pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Nil,
        };
        let variables = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        self.calls += 1;
        let walked = self.walk_all(body, &dot);
        self.calls -= 1;
        self.variables = variables;
        walked
    }

    fn assign(&mut self, name: &str, value: Value) -> Walked {
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some(variable) => variable.1 = value,
            None => return failed(format!("undefined variable: {name}")),
        }
        Ok(())
    }

    fn pipe(&mut self, dot: &Value, pipe: &'t Pipe) -> Evaluated {
        self.about = Some(About::Pipe(pipe));
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(dot, command, value)?);
        }
        let value = value.unwrap_or(Value::Nil);
        for name in &pipe.variables {
            if pipe.assigns {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    /// A command; `last` is the value of the one before it in the pipeline.
    fn command(&mut self, dot: &Value, command: &'t Command, last: Option<Value>) -> Evaluated {
        self.step()?;
        let Some((first, args)) = command.operands.split_first() else { return failed("empty command") };
        let has_args = !args.is_empty() || last.is_some();
        match &first.kind {
            OperandKind::Function(name) => {
                self.about = Some(About::Operand(first));
                return self.function(dot, name, About::Command(command), args, last);
            }
            OperandKind::Field(_) | OperandKind::Chain(..) => return self.fields(dot, first, args, last),
            OperandKind::Variable(_, names) if !names.is_empty() => return self.fields(dot, first, args, last),
            // What the message is about is set before a pipeline in parentheses is refused, and after one is evaluated.
            OperandKind::Pipe(_) => {}
            _ => self.about = Some(About::Operand(first)),
        }
        if has_args {
            return failed(format!("can't give argument to non-function {first}"));
        }
        match &first.kind {
            OperandKind::Nil => failed("nil is not a command"),
            _ => self.operand(dot, first),
        }
    }

    /// An operand without arguments.
    fn operand(&mut self, dot: &Value, operand: &'t Operand) -> Evaluated {
        self.step()?;
        match &operand.kind {
            OperandKind::Dot => Ok(dot.clone()),
            OperandKind::Nil => Ok(Value::Nil),
            OperandKind::Bool(value) => Ok(Value::Bool(*value)),
            OperandKind::Number(Constant::Int(value), _) => Ok(Value::Int(*value)),
            OperandKind::Number(Constant::Float(value), _) => Ok(Value::Float(*value)),
            OperandKind::Text(text, _) => Ok(Value::text(text)),
            OperandKind::Function(name) => {
                self.about = Some(About::Operand(operand));
                self.function(dot, name, About::Operand(operand), &[], None)
            }
            OperandKind::Pipe(pipe) => self.pipe(dot, pipe),
            OperandKind::Variable(name, names) if names.is_empty() => {
                self.about = Some(About::Operand(operand));
                self.variable(name)
            }
            OperandKind::Field(_) | OperandKind::Variable(..) | OperandKind::Chain(..) => self.fields(dot, operand, &[], None),
        }
    }

    fn variable(&self, name: &str) -> Evaluated {
        match self.variables.iter().rev().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => failed(format!("undefined variable: {name}")),
        }
    }

    /// `.a.b`, `$x.a`, `(pipeline).a`; the last name may be a method with arguments.
    fn fields(&mut self, dot: &Value, operand: &'t Operand, args: &'t [Operand], last: Option<Value>) -> Evaluated {
        self.about = Some(About::Operand(operand));
        let (mut value, names) = match &operand.kind {
            OperandKind::Field(names) => (dot.clone(), names),
            OperandKind::Variable(name, names) => (self.variable(name)?, names),
            OperandKind::Chain(inner, names) => (self.argument(dot, inner, Type::Any)?, names),
            _ => return failed("no field"),
        };
        let (Some(name), count) = (names.last(), names.len().saturating_sub(1)) else { return Ok(value) };
        for name in &names[..count] {
            value = match fields::field(&value, name).map_err(Stop::Failed)? {
                Field::Value(value) | Field::Entry(value) => value,
                Field::Method(method) => fields::call(&value, method, &[]).map_err(Stop::Failed)?,
            };
        }
        let has_args = !args.is_empty() || last.is_some();
        match fields::field(&value, name).map_err(Stop::Failed)? {
            Field::Value(_) if has_args => failed(format!("{name} has arguments but cannot be invoked as function")),
            Field::Entry(_) if has_args => failed(format!("{name} is not a method but has arguments")),
            Field::Value(value) | Field::Entry(value) => Ok(value),
            Field::Method(method) => {
                let given = args.len() + usize::from(last.is_some());
                if given != method.arguments() {
                    return failed(format!("wrong number of args for {name}: want {} got {given}", method.arguments()));
                }
                let mut values = Vec::new();
                for arg in args {
                    values.push(self.argument(dot, arg, Type::Text)?);
                }
                values.extend(last.map(|last| typed(last, Type::Text)).transpose()?);
                fields::call(&value, method, &values).map_err(Stop::Failed)
            }
        }
    }

    fn function(&mut self, dot: &Value, name: &str, call: About<'t>, args: &'t [Operand], last: Option<Value>) -> Evaluated {
        let Some(function) = self.env.words.find(name) else { return failed(format!("{} is not a defined function", go_quoted(name))) };
        let given = args.len() + usize::from(last.is_some());
        let least = function.parameters.len();
        if function.rest.is_some() && given < least {
            return failed(format!("wrong number of args for {name}: want at least {least} got {}", args.len()));
        }
        if function.rest.is_none() && given != least {
            return failed(format!("wrong number of args for {name}: want {least} got {given}"));
        }
        if matches!(name, "and" | "or") {
            return self.and_or(dot, name == "or", args, last);
        }
        let mut values = Vec::with_capacity(given);
        for (place, arg) in args.iter().enumerate() {
            values.push(self.argument(dot, arg, parameter(function, place))?);
        }
        if let Some(last) = last {
            values.push(typed(last, parameter(function, args.len()))?);
        }
        self.step()?;
        (function.run)(&mut self.env, &values).map_err(|error| {
            self.about = Some(call);
            Stop::Failed(format!("error calling {name}: {error}"))
        })
    }

    /// Stops at the first argument that decides.
    fn and_or(&mut self, dot: &Value, or: bool, args: &'t [Operand], last: Option<Value>) -> Evaluated {
        let mut value = Value::Nil;
        for arg in args {
            value = self.argument(dot, arg, Type::Any)?;
            if value.truth() == or {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn argument(&mut self, dot: &Value, arg: &'t Operand, wanted: Type) -> Evaluated {
        self.about = Some(About::Operand(arg));
        match (&arg.kind, wanted) {
            (OperandKind::Nil, Type::Text) => failed("cannot assign nil to string"),
            (OperandKind::Bool(_) | OperandKind::Number(..), Type::Text) => failed(format!("expected string; found {arg}")),
            (OperandKind::Bool(_) | OperandKind::Number(..) | OperandKind::Text(..), Type::Samples | Type::Sample) => {
                failed(format!("can't handle {arg} for arg of type {}", wanted.name()))
            }
            _ => typed(self.operand(dot, arg)?, wanted),
        }
    }
}

fn parameter(function: &Function, place: usize) -> Type {
    function.parameters.get(place).copied().or(function.rest).unwrap_or(Type::Any)
}

/// Refuses a value of another type than a function takes.
fn typed(value: Value, wanted: Type) -> Evaluated {
    match (&value, wanted) {
        (_, Type::Any)
        | (Value::Text(_), Type::Text)
        | (Value::Samples(_) | Value::Nil, Type::Samples)
        | (Value::Sample(_) | Value::Nil, Type::Sample) => Ok(value),
        (Value::Nil, Type::Text) => failed("invalid value; expected string"),
        _ => failed(format!("wrong type for value; expected {}; got {}", wanted.name(), value.type_name())),
    }
}
