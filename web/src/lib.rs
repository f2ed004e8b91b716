//! HTTP and WebSocket: the dashboard's files, the REST interface, the live stream, and who may use them.
//!
//! Depends on messages and on the engine's read side; of an actor it knows only the mailbox. Shapes are those of `docs/API.md`.

mod access;
mod admin;
mod answers;
mod assets;
mod body;
mod buckets;
mod channels;
mod connection;
mod csv;
mod discovery;
mod effect;
mod envelope;
mod experiments;
mod export;
mod exposition;
mod forecast;
mod form;
mod guard;
mod heartbeats;
mod hooks;
mod import;
mod ingest;
mod login;
mod login_throttle;
mod noise;
mod openapi;
mod ops;
mod otlp;
mod pages;
mod parameter;
mod params;
mod peers;
mod prometheus;
mod query;
mod rest;
mod route;
mod routes;
mod rule_changes;
mod rule_export;
mod rules;
mod server;
mod session;
mod shapes;
mod silences;
mod tree;
mod upgrade;

pub use self::access::{Access, AccessOptions};
pub use self::answers::Answers;
pub use self::noise::LastReport;
pub use self::openapi::document as openapi_document;
pub use self::otlp::{Otlp, SOURCE as OTLP_SOURCE, hint as otlp_hint};
pub use self::peers::{InvalidProxy, Proxies};
pub use self::server::{AppState, INGEST_PLACES, MAX_CONNECTIONS, QueryOptions, Served, ServerOptions, serve};
pub use self::session::Sessions;
