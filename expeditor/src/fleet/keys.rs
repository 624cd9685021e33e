//! Keys of a fleet's own: the services are given the half that checks tokens, its people are given
//! tokens.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    sync::Arc,
};

use runtime::{
    auth::{Keys, Role, Signer},
    ports::Ports,
};

use crate::{
    credentials::keys::write_new,
    exit::Failure,
    people::tokens::{ShortLived, Tokens},
    provision::keys,
};

/// Makes a pair of keys. Writes the public half to that directory, and answers its file and where
/// tokens come from. The private half is kept in memory alone.
pub fn new_keys(directory: &Path, ports: &Ports) -> Result<(PathBuf, Arc<dyn Tokens>), Failure> {
    let pair = keys::new()?;
    let file = directory.join("public-keys.json");
    write_new(&file, &keys::public_half(&pair).map_err(unfit)?)?;
    let keys = Keys::parse(&pair).map_err(unfit)?;
    let signer = Signer::new(keys, ports.clone()).map_err(unfit)?;
    let mint = move |role: Role, ttl| Ok(signer.token(role, role.as_str(), ttl));
    Ok((file, Arc::new(ShortLived::new(Box::new(mint), ports.clone()))))
}

fn unfit(error: impl Display) -> Failure {
    Failure::Environment(format!("the new keys cannot be used: {error}"))
}
