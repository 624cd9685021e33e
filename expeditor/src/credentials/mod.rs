//! Keys and tokens from a terminal: `keys` makes a file of keys, `token` signs with it. Who may do
//! what with a token is said at each route, not here.

pub mod keys;
pub mod options;
pub mod token;

use std::path::Path;

use runtime::auth::Keys;

use crate::exit::Failure;

/// Reads the keys that a process is to use. Whatever is wrong with them is a matter of configuration.
pub fn read(path: &Path) -> Result<Keys, Failure> {
    Keys::read(path).map_err(|error| Failure::Usage(error.to_string()))
}
