//! What every service's HTTP has in common: problem details, strict reading of bodies, limits,
//! request ids, who may use a route, health, and the handle through which routes reach the path.

pub mod access;
pub mod body;
mod connection;
pub mod dead_letters;
pub mod events;
pub mod fields;
pub mod guarded;
pub mod handle;
mod handover;
pub mod health;
pub mod layers;
pub mod openapi;
pub mod operation;
pub mod page;
pub mod parked;
mod path_id;
pub mod problem;
pub mod query;
pub mod request_id;
mod seat;
pub mod server;
pub mod shape;

pub use access::Access;
pub use body::{JsonBody, required_header};
pub use events::{EVENT_STREAM, Show, Streaming};
pub use fields::Fields;
pub use guarded::{Guarded, Rule, Rules, Who};
pub use handle::Handle;
pub use health::Readiness;
pub use layers::Limits;
pub use operation::{Operation, Shape};
pub use page::{Page, list_body, list_response};
pub use path_id::path_id;
pub use query::StrictQuery;
pub use request_id::{RequestId, TraceParent};
pub use server::{ServeError, Server, ServerSettings};
