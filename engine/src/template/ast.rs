//! The tree of a template, and how Go writes its parts in messages.

use std::fmt;

use super::number::Constant;
use crate::model::go_quoted;

/// A part of a template.
#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    /// `{{pipeline}}`
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Break,
    Continue,
    /// `{{template "name" pipeline}}`
    Template {
        name: String,
        at: usize,
        pipe: Option<Pipe>,
    },
}

/// `{{if pipeline}} body {{else}} otherwise {{end}}`, and the like of it.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// `$x := a | b`
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) at: usize,
    /// Variables that take the value.
    pub(super) variables: Vec<String>,
    /// They exist already.
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

/// A function, method or operand with its arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) at: usize,
    pub(super) operands: Vec<Operand>,
}

/// An operand and where it begins.
#[derive(Debug)]
pub(super) struct Operand {
    pub(super) at: usize,
    pub(super) kind: OperandKind,
}

/// What an operand is.
#[derive(Debug)]
pub(super) enum OperandKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Constant, String),
    /// Its value, and as written.
    Text(String, String),
    Function(String),
    /// `.a.b`
    Field(Vec<String>),
    /// `$x.a.b`
    Variable(String, Vec<String>),
    /// `(pipeline).a.b`
    Chain(Box<Operand>, Vec<String>),
    Pipe(Box<Pipe>),
}

fn fields(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    names.iter().try_for_each(|name| write!(f, ".{name}"))
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            OperandKind::Dot => f.write_str("."),
            OperandKind::Nil => f.write_str("nil"),
            OperandKind::Bool(value) => write!(f, "{value}"),
            OperandKind::Number(_, text) | OperandKind::Text(_, text) | OperandKind::Function(text) => f.write_str(text),
            OperandKind::Field(names) => fields(f, names),
            OperandKind::Variable(name, names) => {
                f.write_str(name)?;
                fields(f, names)
            }
            OperandKind::Chain(operand, names) => {
                match operand.kind {
                    OperandKind::Pipe(_) => write!(f, "({operand})")?,
                    _ => write!(f, "{operand}")?,
                }
                fields(f, names)
            }
            OperandKind::Pipe(pipe) => write!(f, "{pipe}"),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, operand) in self.operands.iter().enumerate() {
            let space = if place > 0 { " " } else { "" };
            match operand.kind {
                OperandKind::Pipe(_) => write!(f, "{space}({operand})")?,
                _ => write!(f, "{space}{operand}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            write!(f, "{} {} ", self.variables.join(", "), if self.assigns { "=" } else { ":=" })?;
        }
        for (place, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if place > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

impl Node {
    /// As Go writes it in messages. Only nodes that messages are about have a form.
    pub(super) fn source(&self) -> String {
        match self {
            Self::Action(pipe) => format!("{{{{{pipe}}}}}"),
            Self::Template { name, pipe: Some(pipe), .. } => format!("{{{{template {} {pipe}}}}}", go_quoted(name)),
            Self::Template { name, pipe: None, .. } => format!("{{{{template {}}}}}", go_quoted(name)),
            Self::Text(text) => text.clone(),
            Self::If(branch) | Self::With(branch) | Self::Range(branch) => branch.pipe.to_string(),
            Self::Break => "{{break}}".to_owned(),
            Self::Continue => "{{continue}}".to_owned(),
        }
    }
}
