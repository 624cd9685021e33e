//! `token`: one token, alone on stdout, so that `$(expeditor token …)` is it.

use std::time::Duration;

use runtime::{
    auth::{Role, Signer},
    ports::Ports,
};

use super::options::TokenArgs;
use crate::{config::File, exit::Failure, print, process::options::wanted};

/// How long a token is good for unless told otherwise.
const TTL: Duration = Duration::from_secs(3600);

/// Signs and prints it.
pub fn run(options: TokenArgs, file: File) -> Result<(), Failure> {
    let path = wanted("token", "keys", options.keys.or(file.token.keys))?;
    let role = Role::parse(&options.role).expect("the command line takes the names of roles only");
    let signer = Signer::new(super::read(&path)?, Ports::system())
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    let subject = options.subject.as_deref().unwrap_or(role.as_str());
    print::line(signer.token(role, subject, options.ttl.unwrap_or(TTL)));
    Ok(())
}
