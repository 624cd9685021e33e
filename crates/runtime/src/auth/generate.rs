//! New keys, out of the system's randomness.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::keys::{Algorithm, MIN_SECRET};

/// The system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness")]
pub struct NoRandomness;

/// The text of a key set with one new key, whose id is drawn too.
pub fn key_set(algorithm: Algorithm) -> Result<String, NoRandomness> {
    let kid = encoded(&drawn::<9>()?);
    let seed = drawn::<MIN_SECRET>()?;
    let mut key = json!({"kid": kid, "use": "sig", "alg": algorithm.as_str()});
    let material = match algorithm {
        Algorithm::Hs256 => json!({"kty": "oct", "k": encoded(&seed)}),
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NoRandomness)?;
            let public = encoded(pair.public_key().as_ref());
            json!({"kty": "OKP", "crv": "Ed25519", "x": public, "d": encoded(&seed)})
        }
    };
    if let (Value::Object(key), Value::Object(material)) = (&mut key, material) {
        key.extend(material);
    }
    Ok(format!("{:#}\n", json!({"keys": [key]})))
}

fn drawn<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Keys;

    #[test]
    fn a_new_key_can_be_read_and_signs_and_is_like_no_other() {
        for algorithm in [Algorithm::Hs256, Algorithm::EdDsa] {
            let [one, other] = [(); 2].map(|()| key_set(algorithm).unwrap());
            let [one, other] = [one, other].map(|text| Keys::parse(&text).unwrap());
            let (one, other) = (one.signing().unwrap(), other.signing().unwrap());
            assert_eq!(one.algorithm(), algorithm);
            assert_ne!(one.kid(), other.kid());
            let signature = one.sign(b"text").unwrap();
            assert!(one.verifies(b"text", &signature));
            assert!(!other.verifies(b"text", &signature));
        }
    }
}
