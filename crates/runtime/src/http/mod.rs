//! What every service's HTTP has in common: problem details, strict reading of bodies, limits,
//! request ids, health, and the handle through which routes reach the path.

pub mod handle;
pub mod problem;

pub use handle::Handle;
