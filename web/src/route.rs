//! A route in one place: its path and methods, its handler, the limits of its body, and what the OpenAPI document says of it.
//!
//! Each module lists its own in a function `routes`, next to the handlers; `routes.rs` puts the lists together. The server, the
//! `Allow` header, the limits of bodies and the document are all made of them.

use actix_web::{FromRequest, Handler, Responder, web};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, schema::Schema};

use crate::body::BodyLimits;
use crate::parameter::Parameter;

/// Longest form with the parameters of a query, in bytes.
const FORM_BYTES: usize = 1 << 20;

/// Named schemas, for `components/schemas`.
pub(crate) type Schemas = Map<String, Value>;

/// What a route answers. HEAD comes to it as GET, see [`crate::guard::guard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Methods {
    Get,
    /// GET without HEAD: a WebSocket is no answer of which there is a head.
    Socket,
    Post,
    Put,
    Delete,
    /// GET, or POST with the parameters in a form.
    GetOrPost,
    /// Whatever it is.
    Any,
}

/// A schema, and the named schemas that it refers to.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) schema: fn() -> Value,
    collect: fn(&mut Schemas),
}

impl Shape {
    /// Plain text, or bytes.
    pub(crate) const TEXT: Self = Self::new(|| json!({"type": "string"}));

    /// A schema that refers to no other.
    pub(crate) const fn new(schema: fn() -> Value) -> Self {
        Self { schema, collect: |_| {} }
    }

    /// A type.
    pub(crate) const fn of<T: ToSchema>() -> Self {
        Self { schema: reference::<T>, collect: collect::<T> }
    }

    /// A type as `data` of a successful answer.
    pub(crate) const fn data<T: ToSchema>() -> Self {
        Self { schema: || envelope(reference::<T>()), collect: collect::<T> }
    }

    /// A list of a type, in no envelope.
    pub(crate) const fn bare_list<T: ToSchema>() -> Self {
        Self { schema: || json!({"type": "array", "items": reference::<T>()}), collect: collect::<T> }
    }

    /// A list of a type as `data` of a successful answer.
    pub(crate) const fn list<T: ToSchema>() -> Self {
        Self { schema: || envelope(json!({"type": "array", "items": reference::<T>()})), collect: collect::<T> }
    }

    /// Lists of a type by name as `data` of a successful answer.
    pub(crate) const fn lists_by_name<T: ToSchema>() -> Self {
        let schema = || {
            let list = json!({"type": "array", "items": reference::<T>()});
            envelope(json!({"type": "object", "additionalProperties": list}))
        };
        Self { schema, collect: collect::<T> }
    }

    /// Adds the named schemas.
    pub(crate) fn collect(&self, schemas: &mut Schemas) {
        (self.collect)(schemas);
    }
}

fn reference<T: ToSchema>() -> Value {
    json!({"$ref": format!("#/components/schemas/{}", T::name())})
}

fn collect<T: ToSchema>(schemas: &mut Schemas) {
    let mut named: Vec<(String, RefOr<Schema>)> = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut named);
    schemas.extend(named.into_iter().map(|(name, schema)| (name, json!(schema))));
}

/// A successful answer in Prometheus' envelope.
pub(crate) fn envelope(data: Value) -> Value {
    let notes = || json!({"type": "array", "items": {"type": "string"}});
    json!({
        "type": "object",
        "properties": {"status": {"const": "success"}, "data": data, "warnings": notes(), "infos": notes()},
        "required": ["status", "data"],
        "additionalProperties": false,
    })
}

/// A media type and its schema.
pub(crate) type Content = (&'static str, Shape);

/// The body of a request that is no form of a query.
#[derive(Clone, Copy)]
pub(crate) struct Body {
    pub(crate) content: &'static [Content],
    /// Whether there must be one.
    pub(crate) required: bool,
    pub(crate) about: &'static str,
    pub(crate) limits: BodyLimits,
}

/// An answer that is no error.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) about: &'static str,
    pub(crate) content: Vec<Content>,
}

/// One route.
pub(crate) struct Route {
    /// The path as actix-web reads it.
    pub(crate) path: &'static str,
    pub(crate) methods: Methods,
    handler: Box<dyn Fn() -> actix_web::Route>,
    /// One line; a route without one is not in the document.
    pub(crate) summary: &'static str,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    pub(crate) answers: Vec<Answer>,
    /// Statuses of errors beside those that every route has.
    pub(crate) errors: Vec<u16>,
    /// What the handler's errors are; empty where they are in the envelope.
    pub(crate) error_content: &'static [Content],
}

impl Route {
    fn new<F, Args>(methods: Methods, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self {
            path,
            methods,
            handler: Box::new(move || web::route().to(handler.clone())),
            summary: "",
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            errors: Vec::new(),
            error_content: &[],
        }
    }

    /// Answers GET and HEAD.
    pub(crate) fn get<F, Args>(path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Methods::Get, path, handler)
    }

    /// Answers GET, HEAD, and POST with the parameters in a form.
    pub(crate) fn get_or_post<F, Args>(path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Methods::GetOrPost, path, handler)
    }

    /// Answers POST.
    pub(crate) fn post<F, Args>(path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Methods::Post, path, handler)
    }

    /// Answers PUT.
    pub(crate) fn put<F, Args>(path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Methods::Put, path, handler)
    }

    /// Answers DELETE.
    pub(crate) fn delete<F, Args>(path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Methods::Delete, path, handler)
    }

    /// Answers GET with a WebSocket.
    pub(crate) fn socket<F, Args>(path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Methods::Socket, path, handler)
    }

    /// Answers every method.
    pub(crate) fn any<F, Args>(path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Methods::Any, path, handler)
    }

    /// What it does, in one line of the document.
    pub(crate) fn about(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    pub(crate) fn parameters(mut self, parameters: &[Parameter]) -> Self {
        self.parameters = parameters.to_vec();
        self
    }

    pub(crate) fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// Answers JSON.
    pub(crate) fn answers(self, shape: Shape) -> Self {
        self.answers_with(200, "Success", &[("application/json", shape)])
    }

    /// Answers a status with one of some media types, or with none.
    pub(crate) fn answers_with(mut self, status: u16, about: &'static str, content: &[Content]) -> Self {
        self.answers.push(Answer { status, about, content: content.to_vec() });
        self
    }

    /// Statuses of errors that not every route has.
    pub(crate) fn fails(mut self, statuses: &[u16]) -> Self {
        self.errors = statuses.to_vec();
        self
    }

    /// The handler's errors are of these types.
    pub(crate) fn fails_with(mut self, statuses: &[u16], content: &'static [Content]) -> Self {
        self.error_content = content;
        self.fails(statuses)
    }

    /// The path as the document has it: without the patterns of its variables.
    pub(crate) fn plain_path(&self) -> String {
        self.path.replace(":.+", "")
    }

    /// How long the body of a request may be.
    pub(crate) fn limits(&self) -> Option<BodyLimits> {
        match self.methods {
            Methods::GetOrPost => Some(BodyLimits::of(FORM_BYTES)),
            _ => self.body.map(|body| body.limits),
        }
    }

    /// The route for actix-web.
    pub(crate) fn handler(&self) -> actix_web::Route {
        use actix_web::guard::{Any, Delete, Get, Post, Put};
        let route = (self.handler)();
        match self.methods {
            Methods::Get | Methods::Socket => route.guard(Get()),
            Methods::Post => route.guard(Post()),
            Methods::Put => route.guard(Put()),
            Methods::Delete => route.guard(Delete()),
            Methods::GetOrPost => route.guard(Any(Get()).or(Post())),
            Methods::Any => route,
        }
    }
}
