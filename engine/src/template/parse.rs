//! Tokens to a tree, with Go's rules and wording.

use std::collections::BTreeMap;

use super::TemplateError;
use super::ast::{Branch, Command, Node, Operand, OperandKind, Pipe};
use super::functions::Words;
use super::lex::{Kind, Token, tokens};
use super::number::constant;
use super::quote::unquoted;
use crate::model::go_quoted;

/// How deep actions and parentheses may nest.
const MAX_DEPTH: usize = 64;

/// The trees of a text: its own, and those that it defines by name.
#[derive(Debug, Default)]
pub(super) struct Trees {
    pub(super) main: Vec<Node>,
    pub(super) defined: BTreeMap<String, Vec<Node>>,
}

/// Parses a template.
///
/// # Errors
/// [`TemplateError`]
pub(super) fn parse(text: &str, words: Words) -> Result<Trees, TemplateError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { text, words, tokens, next: 0, depth: 0, loops: 0, variables: vec!["$".to_owned()], defined: BTreeMap::new() };
    let (main, end) = parser.list(true)?;
    match end {
        End::Text => Ok(Trees { main, defined: parser.defined }),
        End::Else(at) => parser.error(at, "unexpected {{else}}"),
        End::Block(at) => parser.error(at, "unexpected {{end}}"),
    }
}

/// What closed a list.
enum End {
    Text,
    Block(usize),
    /// `{{else`; what follows the word is not read yet.
    Else(usize),
}

struct Parser<'t> {
    text: &'t str,
    words: Words,
    tokens: Vec<Token<'t>>,
    next: usize,
    depth: usize,
    /// Loops around this place.
    loops: usize,
    variables: Vec<String>,
    defined: BTreeMap<String, Vec<Node>>,
}

type Parsed<T> = Result<T, TemplateError>;

impl<'t> Parser<'t> {
    fn error<T>(&self, at: usize, message: impl Into<String>) -> Parsed<T> {
        Err(TemplateError::new(self.text, at, message))
    }

    fn peek(&self) -> Token<'t> {
        self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn take(&mut self) -> Token<'t> {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn skip_spaces(&mut self) {
        while self.peek().kind == Kind::Space {
            self.next += 1;
        }
    }

    fn unexpected<T>(&self, token: Token<'_>, context: &str) -> Parsed<T> {
        let what = match token.kind {
            Kind::End => "EOF".to_owned(),
            Kind::Close => "\"}}\"".to_owned(),
            _ => go_quoted(&token.text.chars().take(20).collect::<String>()),
        };
        self.error(token.at, format!("unexpected {what} in {context}"))
    }

    fn deeper<T>(&mut self, at: usize, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return self.error(at, format!("actions and parentheses nest deeper than {MAX_DEPTH}"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Nodes up to `{{end}}`, `{{else` or the end of the text.
    fn list(&mut self, top: bool) -> Parsed<(Vec<Node>, End)> {
        let mut nodes = Vec::new();
        loop {
            let token = self.take();
            match token.kind {
                Kind::End => return Ok((nodes, End::Text)),
                Kind::Text => nodes.push(Node::Text(token.text.to_owned())),
                _ => {
                    self.skip_spaces();
                    let word = self.peek();
                    match (word.kind, word.text) {
                        (Kind::Word, "end") => {
                            self.next += 1;
                            self.close("end")?;
                            return Ok((nodes, End::Block(word.at)));
                        }
                        (Kind::Word, "else") => {
                            self.next += 1;
                            return Ok((nodes, End::Else(word.at)));
                        }
                        (Kind::Word, "define") if top => self.define()?,
                        _ => nodes.push(self.action(word)?),
                    }
                }
            }
        }
    }

    fn close(&mut self, context: &str) -> Parsed<()> {
        self.skip_spaces();
        let token = self.take();
        if token.kind == Kind::Close { Ok(()) } else { self.unexpected(token, context) }
    }

    fn action(&mut self, word: Token<'t>) -> Parsed<Node> {
        let keyword = if word.kind == Kind::Word { word.text } else { "" };
        match keyword {
            "if" | "with" | "range" => {
                self.next += 1;
                self.deeper(word.at, |parser| parser.branch(keyword))
            }
            "break" | "continue" if self.loops > 0 => {
                self.next += 1;
                self.close(&format!("{{{{{keyword}}}}}"))?;
                Ok(if keyword == "break" { Node::Break } else { Node::Continue })
            }
            "template" => {
                self.next += 1;
                self.template()
            }
            "block" => {
                self.next += 1;
                self.block(word.at)
            }
            "define" => self.unexpected(word, "command"),
            _ => Ok(Node::Action(self.pipeline("command", Kind::Close)?)),
        }
    }

    /// Behind `if`, `with` or `range`, up to its `{{end}}`.
    fn branch(&mut self, keyword: &str) -> Parsed<Node> {
        let known = self.variables.len();
        // The keyword was taken just before.
        let opened = self.tokens[self.next.saturating_sub(1)].at;
        let pipe = self.pipeline(keyword, Kind::Close)?;
        self.loops += usize::from(keyword == "range");
        let (body, end) = self.list(false)?;
        self.loops -= usize::from(keyword == "range");
        let otherwise = match end {
            End::Text => return self.error(opened, format!("unexpected EOF: {{{{{keyword}}}}} has no {{{{end}}}}")),
            End::Block(_) => Vec::new(),
            End::Else(at) => self.otherwise(keyword, at)?,
        };
        self.variables.truncate(known);
        let branch = Branch { pipe, body, otherwise };
        Ok(match keyword {
            "if" => Node::If(branch),
            "with" => Node::With(branch),
            _ => Node::Range(branch),
        })
    }

    /// Behind `{{else`: a list of its own, or `if` and `with` whose end ends this one too.
    fn otherwise(&mut self, keyword: &str, at: usize) -> Parsed<Vec<Node>> {
        self.skip_spaces();
        let word = self.peek();
        if word.kind == Kind::Word && word.text == keyword && keyword != "range" {
            self.next += 1;
            return Ok(vec![self.deeper(at, |parser| parser.branch(keyword))?]);
        }
        self.close("else")?;
        match self.list(false)? {
            (nodes, End::Block(_)) => Ok(nodes),
            (_, End::Else(at)) => self.error(at, "expected end; found {{else}}"),
            (_, End::Text) => self.error(at, format!("unexpected EOF: {{{{{keyword}}}}} has no {{{{end}}}}")),
        }
    }

    /// A name in quotes, and where it stands.
    fn name(&mut self, context: &str) -> Parsed<(String, usize)> {
        self.skip_spaces();
        let token = self.take();
        match token.kind {
            Kind::Quoted | Kind::Raw => match unquoted(token.text) {
                Some(text) => Ok((text, token.at)),
                None => self.error(token.at, "invalid syntax"),
            },
            _ => self.unexpected(token, context),
        }
    }

    fn template(&mut self) -> Parsed<Node> {
        let (name, at) = self.name("template clause")?;
        self.skip_spaces();
        let pipe = if self.peek().kind == Kind::Close {
            self.next += 1;
            None
        } else {
            Some(self.pipeline("template clause", Kind::Close)?)
        };
        Ok(Node::Template { name, at, pipe })
    }

    /// The body of a definition: it knows no variables and no loops of what is around it.
    fn body(&mut self, at: usize, what: &str) -> Parsed<Vec<Node>> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let loops = std::mem::take(&mut self.loops);
        let parsed = self.deeper(at, |parser| parser.list(false));
        self.variables = variables;
        self.loops = loops;
        match parsed? {
            (nodes, End::Block(_)) => Ok(nodes),
            (_, End::Else(at)) => self.error(at, "unexpected {{else}}"),
            (_, End::Text) => self.error(at, format!("unexpected EOF: {{{{{what}}}}} has no {{{{end}}}}")),
        }
    }

    fn define(&mut self) -> Parsed<()> {
        let at = self.take().at;
        let (name, _) = self.name("define clause")?;
        self.close("define clause")?;
        let body = self.body(at, "define")?;
        if self.defined.contains_key(&name) {
            return self.error(at, format!("multiple definition of template {}", go_quoted(&name)));
        }
        self.defined.insert(name, body);
        Ok(())
    }

    fn block(&mut self, at: usize) -> Parsed<Node> {
        let (name, _) = self.name("block clause")?;
        let pipe = self.pipeline("block clause", Kind::Close)?;
        let body = self.body(at, "block")?;
        self.defined.insert(name.clone(), body);
        Ok(Node::Template { name, at, pipe: Some(pipe) })
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        self.skip_spaces();
        let at = self.peek().at;
        let mut pipe = Pipe { at, variables: Vec::new(), assigns: false, commands: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            self.skip_spaces();
            let token = self.peek();
            if token.kind == end {
                self.next += 1;
                break;
            }
            pipe.commands.push(self.command()?);
        }
        if pipe.commands.is_empty() {
            return self.error(at, format!("missing value for {context}"));
        }
        for (place, command) in pipe.commands.iter().enumerate().skip(1) {
            if let Some(OperandKind::Bool(_) | OperandKind::Dot | OperandKind::Nil | OperandKind::Number(..) | OperandKind::Text(..)) =
                command.operands.first().map(|operand| &operand.kind)
            {
                return self.error(command.at, format!("non executable command in pipeline stage {}", place + 1));
            }
        }
        Ok(pipe)
    }

    /// `$x :=`, `$x =`, and `$i, $x :=` of a range.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<()> {
        loop {
            self.skip_spaces();
            let variable = self.peek();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            let back = self.next;
            self.next += 1;
            self.skip_spaces();
            let next = self.peek();
            match (next.kind, next.text) {
                (Kind::Assign | Kind::Declare, _) => {
                    self.next += 1;
                    pipe.assigns = next.kind == Kind::Assign;
                    pipe.variables.push(variable.text.to_owned());
                    self.variables.push(variable.text.to_owned());
                    return Ok(());
                }
                (Kind::Other, ",") => {
                    self.next += 1;
                    pipe.variables.push(variable.text.to_owned());
                    self.variables.push(variable.text.to_owned());
                    if context != "range" || pipe.variables.len() > 1 {
                        return self.error(next.at, format!("too many declarations in {context}"));
                    }
                    self.skip_spaces();
                    let second = self.peek();
                    if !matches!(second.kind, Kind::Variable | Kind::Close | Kind::CloseParen) {
                        return self.error(second.at, "range can only initialize variables");
                    }
                }
                _ => {
                    self.next = back;
                    return Ok(());
                }
            }
        }
    }

    fn command(&mut self) -> Parsed<Command> {
        let mut command = Command { at: self.peek().at, operands: Vec::new() };
        loop {
            self.skip_spaces();
            command.operands.extend(self.operand()?);
            let token = self.peek();
            match token.kind {
                Kind::Space => self.next += 1,
                Kind::Close | Kind::CloseParen => break,
                Kind::Pipe => {
                    self.next += 1;
                    // A pipe has a command behind it.
                    self.skip_spaces();
                    let token = self.peek();
                    if matches!(token.kind, Kind::Close | Kind::CloseParen) {
                        return self.error(token.at, "missing value for command");
                    }
                    break;
                }
                _ => return self.unexpected(token, "operand"),
            }
        }
        if command.operands.is_empty() { self.error(command.at, "empty command") } else { Ok(command) }
    }

    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        let at = self.peek().at;
        let mut names = Vec::new();
        while self.peek().kind == Kind::Field {
            names.push(self.take().text[1..].to_owned());
        }
        if names.is_empty() {
            return Ok(Some(operand));
        }
        operand = match operand.kind {
            OperandKind::Field(mut first) => {
                first.extend(names);
                Operand { at, kind: OperandKind::Field(first) }
            }
            OperandKind::Variable(name, _) => Operand { at, kind: OperandKind::Variable(name, names) },
            OperandKind::Pipe(_) | OperandKind::Function(_) | OperandKind::Chain(..) => {
                Operand { at, kind: OperandKind::Chain(Box::new(operand), names) }
            }
            _ => return self.error(at, format!("unexpected . after term {}", go_quoted(&operand.to_string()))),
        };
        Ok(Some(operand))
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        self.skip_spaces();
        let token = self.peek();
        let text = token.text;
        let kind = match token.kind {
            Kind::Word => self.word(token)?,
            Kind::Dot => OperandKind::Dot,
            Kind::Field => OperandKind::Field(vec![text[1..].to_owned()]),
            Kind::Variable if self.variables.iter().any(|name| name == text) => OperandKind::Variable(text.to_owned(), Vec::new()),
            Kind::Variable => return self.error(token.at, format!("undefined variable {}", go_quoted(text))),
            Kind::Number => match constant(text) {
                Some(value) => OperandKind::Number(value, text.to_owned()),
                None => return self.error(token.at, format!("bad number syntax: {}", go_quoted(text))),
            },
            Kind::Char | Kind::Quoted | Kind::Raw => match (unquoted(text), token.kind) {
                (Some(value), Kind::Char) if value.chars().count() == 1 => {
                    let code = value.chars().next().map_or(0, |c| i64::from(u32::from(c)));
                    OperandKind::Number(super::number::Constant::Int(code), text.to_owned())
                }
                (None, _) | (_, Kind::Char) => return self.error(token.at, format!("invalid syntax: {text}")),
                (Some(value), _) => OperandKind::Text(value, text.to_owned()),
            },
            Kind::OpenParen => {
                self.next += 1;
                let pipe = self.deeper(token.at, |parser| parser.pipeline("parenthesized pipeline", Kind::CloseParen))?;
                return Ok(Some(Operand { at: pipe.at, kind: OperandKind::Pipe(Box::new(pipe)) }));
            }
            _ => return Ok(None),
        };
        self.next += 1;
        Ok(Some(Operand { at: token.at, kind }))
    }

    fn word(&self, token: Token<'_>) -> Parsed<OperandKind> {
        Ok(match token.text {
            "true" => OperandKind::Bool(true),
            "false" => OperandKind::Bool(false),
            "nil" => OperandKind::Nil,
            "if" | "with" | "range" | "end" | "else" | "define" | "template" | "block" => return self.unexpected(token, "command"),
            name if self.words.find(name).is_some() => OperandKind::Function(name.to_owned()),
            name => {
                let near = self.words.nearest(name).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                return self.error(token.at, format!("function {} not defined{near}", go_quoted(name)));
            }
        })
    }
}
