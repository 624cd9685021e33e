//! Keys for tokens, of the kind whose public half can only check.

use runtime::auth::{Algorithm, Keys, generate};
use serde_json::Value;

use crate::exit::Failure;

/// A set with one new pair.
pub fn new() -> Result<String, Failure> {
    generate::key_set(Algorithm::EdDsa).map_err(|error| Failure::Environment(error.to_string()))
}

/// The same set without what signs; the reason where there is none. A secret, which checks and
/// signs alike, stays what it is.
pub fn public_half(set: &str) -> Result<String, String> {
    Keys::parse(set)?;
    let mut set: Value = serde_json::from_str(set).map_err(|_| "it is no JSON".to_owned())?;
    for key in set["keys"].as_array_mut().into_iter().flatten() {
        key.as_object_mut().map(|members| members.remove("d"));
    }
    Ok(format!("{set:#}\n"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use runtime::{
        auth::{Role, Signer, Verifier},
        ports::Ports,
    };

    use super::*;

    #[test]
    fn the_public_half_checks_what_the_pair_signs_and_signs_nothing() {
        let (pair, ports) = (new().unwrap(), Ports::system());
        let public = || Keys::parse(&public_half(&pair).unwrap()).unwrap();
        let signer = Signer::new(Keys::parse(&pair).unwrap(), ports.clone()).unwrap();
        let token = signer.token(Role::Cook, "c", Duration::from_secs(60));
        assert!(Verifier::new(public()).verify(&token, ports.now()).is_ok());
        assert!(Signer::new(public(), ports).is_err());
        assert!(public_half("{}").is_err());
    }
}
