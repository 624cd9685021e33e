//! Who may ask: a role in a signed token on every request, checked before anything else is read.
//!
//! - [`role`], [`principal`]: who somebody is to a service.
//! - [`keys`], [`key_file`], [`generate`]: the keys that tokens are signed with, a JSON Web Key Set
//!   (RFC 7517) in a file.
//! - [`verify`], [`sign`]: tokens, which are JSON Web Tokens (RFC 7519) in their compact form.
//!
//! Only what the services need is there: two algorithms, one issuer, one audience. The reasons are
//! in `docs/adr/0009-signed-tokens.md`.

pub mod generate;
pub mod key_file;
pub mod keys;
pub mod principal;
pub mod role;
pub mod sign;
pub mod verify;

mod header;

pub use key_file::KeyFileError;
pub use keys::{Algorithm, KeyError, Keys};
pub use principal::Principal;
pub use role::Role;
pub use sign::Signer;
pub use verify::{TokenError, Verifier};

/// Who issues tokens, and for whom they are: the claims `iss` and `aud`.
pub const EXPEDITOR: &str = "expeditor";
