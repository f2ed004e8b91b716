//! The interface as OpenAPI 3.1, at `/api/v1/openapi.json`, made of the routes. `docs/API.md` says more in words.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use taskpulse_actors::view::Frame;

use crate::access;
use crate::parameter::Place;
use crate::route::{Content, Methods, Route, Schemas, Shape};
use crate::{routes, shapes};

/// Errors: status, name of the response in the document, what it says.
const ERRORS: &[(u16, &str, &str)] = &[
    (400, "BadData", "The request cannot be understood: what is wrong, where, and what would be right"),
    (401, "Unauthorized", "A token is needed, or the one that was sent is wrong"),
    (403, "Forbidden", "`Host` or `Origin` is not of this service, or the page of another site asks"),
    (404, "NotFound", "There is no such thing"),
    (405, "MethodNotAllowed", "Another method; `Allow` names those that are answered"),
    (408, "RequestTimeout", "The body came too slowly"),
    (409, "Conflict", "It was changed meanwhile: read it again"),
    (413, "TooLarge", "The body is longer than the limit"),
    (415, "UnsupportedMediaType", "The type or the encoding of the body is not understood"),
    (422, "Unprocessable", "It cannot be worked out, or takes more than a limit allows"),
    (429, "TooManyRequests", "Too many wrong tokens from this address"),
    (431, "HeadTooLarge", "The head is longer than 128 KiB, with the address; parameters may also come in a form"),
    (500, "Internal", "A fault of the service"),
    (503, "Unavailable", "Not now: it takes too long, there is no room, or the service stops"),
    (507, "NoRoom", "The disk has no room"),
];

/// Errors that are answered before a handler is called, of every route in the same way.
const BEFORE_HANDLER: &[u16] = &[401, 403, 405, 429, 431];
/// Errors that every route may answer.
const COMMON: &[u16] = &[403, 405, 431, 500, 503];
/// Errors of routes that need a token.
const WITH_TOKEN: &[u16] = &[401, 429];
/// Errors of routes that read a body.
const WITH_BODY: &[u16] = &[400, 408, 413];

const ABOUT: &str = "Metrics, alerts, tasks and CI of one machine. Times are Unix seconds; a figure that is missing is `null`, never 0. \
Answers are packed with gzip or deflate where `Accept-Encoding` allows it. HEAD is answered wherever GET is, OPTIONS with 204 and `Allow`. \
Requests with `Accept: text/html` get pages in place of JSON errors, and the login page in place of 401. Parameters that are not listed are \
ignored. The live stream at `/ws` is a WebSocket, described in docs/API.md.";

pub(crate) fn routes() -> Vec<Route> {
    let shape = Shape::new(|| json!({"type": "object", "required": ["openapi", "info", "paths"]}));
    vec![Route::get("/api/v1/openapi.json", openapi).about("This document").answers(shape)]
}

async fn openapi() -> HttpResponse {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());
    HttpResponse::Ok().content_type(ContentType::json()).body(TEXT.clone())
}

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    schemas.insert("ErrorResponse".to_owned(), error_schema());
    shapes::collect(&mut schemas);
    // What the live stream sends, which no path answers.
    Shape::of::<Frame<'_>>().collect(&mut schemas);
    let mut paths: Map<String, Value> = Map::new();
    for route in routes::all().iter().filter(|route| !route.summary.is_empty()) {
        let methods = match route.methods {
            Methods::Post => &["post"][..],
            Methods::Put => &["put"],
            Methods::Delete => &["delete"],
            Methods::GetOrPost => &["get", "post"],
            Methods::Get | Methods::Socket | Methods::Any => &["get"],
        };
        let path = paths.entry(route.plain_path()).or_insert_with(|| json!({}));
        for method in methods {
            path[*method] = operation(route, method, &mut schemas);
        }
    }
    let responses: Map<String, Value> = ERRORS.iter().map(|error| (error.1.to_owned(), error_response(error))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Taskpulse", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "`server.token`"},
                "login": {"type": "apiKey", "in": "cookie", "name": access::COOKIE, "description": "The cookie that `POST /login` sets"},
            },
        },
    })
}

fn error_schema() -> Value {
    let kinds =
        ["bad_data", "unauthorized", "forbidden", "not_found", "conflict", "timeout", "too_large", "execution", "unavailable", "internal"];
    json!({
        "type": "object",
        "properties": {
            "status": {"const": "error"},
            "errorType": {"type": "string", "enum": kinds},
            "error": {"type": "string", "description": "What was wrong, where, and what would be right"},
        },
        "required": ["status", "errorType", "error"],
        "additionalProperties": false,
    })
}

fn error_response((status, _, about): &(u16, &str, &str)) -> Value {
    if *status == 431 {
        // The connection answers before any route is known.
        return json!({"description": about});
    }
    let mut response = json!({
        "description": about,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}},
            "text/html": {"schema": {"type": "string"}},
        },
    });
    match status {
        405 => response["headers"] = json!({"Allow": {"required": true, "schema": {"type": "string"}}}),
        429 | 503 | 507 => {
            let seconds = json!({"description": "Seconds after which to ask again", "schema": {"type": "integer", "minimum": 0}});
            response["headers"] = json!({"Retry-After": seconds});
        }
        _ => {}
    }
    response
}

fn operation(route: &Route, method: &str, schemas: &mut Schemas) -> Value {
    let by_form = route.methods == Methods::GetOrPost && method == "post";
    let in_address = route.parameters.iter().filter(|parameter| !by_form || parameter.place != Place::Query);
    let words =
        route.plain_path().split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_");
    let mut operation = json!({
        "operationId": format!("{method}_{words}"),
        "summary": route.summary,
        "parameters": in_address.map(crate::parameter::Parameter::document).collect::<Vec<_>>(),
        "responses": responses(route, by_form, schemas),
        "security": security(route.path),
    });
    if by_form {
        operation["requestBody"] = form(route);
    } else if let Some(body) = &route.body {
        operation["requestBody"] = json!({"required": body.required, "description": body.about, "content": content(body.content, schemas)});
    }
    operation
}

/// Without `server.token` nobody needs one.
fn security(path: &str) -> Value {
    if access::is_open(path) { json!([]) } else { json!([{}, {"token": []}, {"login": []}]) }
}

fn form(route: &Route) -> Value {
    let fields = route.parameters.iter().filter(|parameter| parameter.place == Place::Query);
    let required: Vec<&str> = fields.clone().filter(|parameter| parameter.required).map(|parameter| parameter.name).collect();
    let properties: Map<String, Value> = fields.map(|parameter| (parameter.name.to_owned(), parameter.field())).collect();
    let schema = json!({"type": "object", "properties": properties, "required": required});
    json!({
        "required": !required.is_empty(),
        "description": "The parameters, which may also be in the address; `multipart/form-data` is read too",
        "content": {"application/x-www-form-urlencoded": {"schema": schema}},
    })
}

fn content(list: &[Content], schemas: &mut Schemas) -> Value {
    let one = |(media_type, shape): &Content| {
        shape.collect(schemas);
        ((*media_type).to_owned(), json!({"schema": (shape.schema)()}))
    };
    list.iter().map(one).collect::<Map<_, _>>().into()
}

fn responses(route: &Route, by_form: bool, schemas: &mut Schemas) -> Value {
    let mut responses = Map::new();
    for answer in &route.answers {
        let mut response = json!({"description": answer.about});
        if !answer.content.is_empty() {
            response["content"] = content(&answer.content, schemas);
        }
        responses.insert(answer.status.to_string(), response);
    }
    let open = access::is_open(route.path);
    let mut errors = [COMMON, &route.errors].concat();
    if !open {
        errors.extend(WITH_TOKEN);
        if !matches!(route.methods, Methods::Post | Methods::Put | Methods::Delete) && !by_form {
            responses.insert("303".to_owned(), json!({"description": "A browser without a login is led to the login page"}));
        }
    }
    if !route.parameters.is_empty() {
        errors.push(400);
    }
    if by_form || route.body.is_some() {
        errors.extend(WITH_BODY);
    }
    for (status, name, about) in ERRORS.iter().filter(|error| errors.contains(&error.0)) {
        let own = !route.error_content.is_empty() && !BEFORE_HANDLER.contains(status);
        let response = if own {
            json!({"description": about, "content": content(route.error_content, schemas)})
        } else {
            json!({"$ref": format!("#/components/responses/{name}")})
        };
        responses.entry(status.to_string()).or_insert(response);
    }
    responses.into()
}
