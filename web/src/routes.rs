//! All routes: the lists of the modules, and what every path answers to methods that it does not have.

use std::collections::BTreeMap;

use actix_web::guard::{GuardContext, fn_guard};
use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};

use crate::envelope::ApiError;
use crate::route::{Methods, Route};
use crate::{
    actions, admin, agents, ask, assets, buckets, channels, discovery, effect, exemplars, experiments, export, forecast, heartbeats, hooks,
    import, ingest, log_ingest, log_templates, login, logs, loki, mcp, noise, openapi, ops, otlp, prometheus, query, recommendations, rest,
    rule_changes, rule_export, rules, session, silences, tempo, trace_ingest, trace_search, traces, tree,
};

/// The modules that have routes. The first path that matches answers, so files, which take any path, come last.
const MODULES: &[fn() -> Vec<Route>] = &[
    session::routes,
    ops::routes,
    login::routes,
    otlp::routes,
    log_ingest::routes,
    query::routes,
    logs::routes,
    trace_ingest::routes,
    // Before the path of one trace, which takes any name.
    trace_search::routes,
    traces::routes,
    log_templates::routes,
    loki::routes,
    tempo::routes,
    ask::routes,
    mcp::routes,
    buckets::routes,
    effect::routes,
    experiments::routes,
    forecast::routes,
    tree::routes,
    discovery::routes,
    prometheus::routes,
    exemplars::routes,
    rules::routes,
    rule_export::routes,
    rule_changes::routes,
    noise::routes,
    // Before the decisions on recommendations, of which `run` is none.
    actions::routes,
    // Its path of decisions takes what the actions leave.
    recommendations::routes,
    rest::routes,
    channels::routes,
    silences::routes,
    ingest::routes,
    import::routes,
    export::routes,
    heartbeats::routes,
    hooks::routes,
    agents::routes,
    admin::routes,
    openapi::routes,
    no_such_path_routes,
    assets::routes,
];

/// All routes.
pub(crate) fn all() -> Vec<Route> {
    MODULES.iter().flat_map(|routes| routes()).collect()
}

/// What is under `/api` and no route.
fn no_such_path_routes() -> Vec<Route> {
    vec![Route::any("/api/{rest:.*}", no_such_path)]
}

async fn no_such_path(req: HttpRequest) -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found(format!("there is no {}; see docs/API.md", req.path())))
}

/// Registers all routes. On `socket_ports` the WebSocket is at `/` too.
pub(crate) fn register(config: &mut web::ServiceConfig, socket_ports: &[u16]) {
    if !socket_ports.is_empty() {
        let ports = socket_ports.to_vec();
        let on_socket_port = move |ctx: &GuardContext<'_>| {
            let host = ctx.head().headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
            let port = host.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
            ctx.head().headers().contains_key(header::SEC_WEBSOCKET_KEY) && port.is_some_and(|port| ports.contains(&port))
        };
        config.service(web::resource("/").guard(fn_guard(on_socket_port)).route(web::get().to(session::open)));
    }
    for (path, routes) in by_path(all()) {
        let allow = allowed(routes.iter().map(|route| route.methods));
        let mut resource = web::resource(path).default_service(web::to(move |req| wrong_method(req, allow)));
        for route in routes {
            if let Some(limits) = route.limits() {
                resource = resource.app_data(limits);
            }
            resource = resource.route(route.handler());
        }
        config.service(resource);
    }
}

/// The routes of each path, in the order of their first one.
fn by_path(routes: Vec<Route>) -> Vec<(&'static str, Vec<Route>)> {
    let mut places = BTreeMap::new();
    let mut paths: Vec<(&'static str, Vec<Route>)> = Vec::new();
    for route in routes {
        let place = *places.entry(route.path).or_insert_with(|| {
            paths.push((route.path, Vec::new()));
            paths.len() - 1
        });
        paths[place].1.push(route);
    }
    paths
}

/// What `Allow` says of a path.
fn allowed(methods: impl Iterator<Item = Methods>) -> &'static str {
    let (mut get, mut post, mut put, mut delete) = (false, false, false, false);
    for methods in methods {
        match methods {
            Methods::Any => {}
            Methods::Socket => return "GET, OPTIONS",
            Methods::Get => get = true,
            Methods::Post => post = true,
            Methods::Put => put = true,
            Methods::Delete => delete = true,
            Methods::GetOrPost => (get, post) = (true, true),
        }
    }
    match (get, post, delete) {
        // What is put can be read and deleted.
        _ if put => "DELETE, GET, HEAD, OPTIONS, PUT",
        (true, false, false) => "GET, HEAD, OPTIONS",
        (true, true, false) => "GET, HEAD, OPTIONS, POST",
        (true, false, true) => "DELETE, GET, HEAD, OPTIONS",
        (true, true, true) => "DELETE, GET, HEAD, OPTIONS, POST",
        (false, true, true) => "DELETE, OPTIONS, POST",
        (false, false, true) => "DELETE, OPTIONS",
        (false, _, false) => "OPTIONS, POST",
    }
}

/// Answers OPTIONS, and the methods that a path does not have, with those that it has.
async fn wrong_method(req: HttpRequest, allow: &'static str) -> HttpResponse {
    let mut answer = if req.method() == Method::OPTIONS {
        HttpResponse::NoContent().finish()
    } else {
        let error = ApiError::method_not_allowed(format!("{} is not answered with {}, but with {allow}", req.path(), req.method()));
        error.error_response()
    };
    answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_bodies_are_those_that_the_documentation_names() {
        let size = |bytes: Option<usize>| match bytes {
            None => String::new(),
            Some(bytes) if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
            Some(bytes) => format!("{} KiB", bytes >> 10),
        };
        let documented = include_str!("../../docs/API.md");
        let routes: Vec<Route> = all().into_iter().filter(|route| route.limits().is_some()).collect();
        for route in &routes {
            let limits = route.limits().unwrap();
            let row = format!("| `{}` | {} | {} |\n", route.plain_path(), size(limits.packed), size(limits.unpacked));
            assert!(documented.contains(&row), "docs/API.md, Limits, must have:\n{row}");
        }
        let (_, table) = documented.split_once("| body of |").unwrap();
        let rows = table.split("\n\n").next().unwrap().matches("| `").count();
        assert_eq!(rows, routes.len(), "docs/API.md, Limits, has rows of no route");
    }
}
