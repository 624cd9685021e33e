//! Making tokens: for the command line, for simulated people, and for tests.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;

use super::{EXPEDITOR, KeyError, Keys, Role, header::Header};
use crate::ports::Ports;

/// Makes tokens with the first of the keys that can sign.
#[derive(Clone)]
pub struct Signer {
    keys: Arc<Keys>,
    ports: Ports,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    role: &'a str,
    iat: i64,
    exp: i64,
}

impl Signer {
    /// With these keys, one of which can sign.
    pub fn new(keys: Keys, ports: Ports) -> Result<Self, KeyError> {
        match keys.signing() {
            Some(_) => Ok(Self { keys: Arc::new(keys), ports }),
            None => Err(KeyError::OnlyPublic),
        }
    }

    /// A token of somebody in that role, good for so long from now.
    ///
    /// ```
    /// use std::time::Duration;
    /// use runtime::{auth::{Algorithm, Keys, Role, Signer, Verifier, generate}, ports::Ports};
    ///
    /// let ports = Ports::system();
    /// let keys = || Keys::parse(KEYS).unwrap();
    /// # const KEYS: &str = r#"{"keys":[{"kty":"oct","kid":"a",
    /// #     "k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}]}"#;
    /// let token = Signer::new(keys(), ports.clone())?.token(Role::Cook, "c-1", Duration::from_secs(60));
    /// let principal = Verifier::new(keys()).verify(&token, ports.now()).unwrap();
    /// assert_eq!((principal.role, principal.subject.as_str()), (Role::Cook, "c-1"));
    /// # Ok::<(), runtime::auth::KeyError>(())
    /// ```
    pub fn token(&self, role: Role, subject: &str, ttl: Duration) -> String {
        let now = self.ports.now();
        let claims = Claims {
            iss: EXPEDITOR,
            aud: EXPEDITOR,
            sub: subject,
            role: role.as_str(),
            iat: now.as_millis().div_euclid(1000),
            exp: now.plus(ttl).as_millis().div_euclid(1000),
        };
        self.sign(&claims)
    }

    fn sign(&self, claims: &impl Serialize) -> String {
        let key = self.keys.signing().expect("a signer is made of keys of which one can sign");
        let header = Header {
            alg: key.algorithm().as_str().into(),
            kid: Some(key.kid().into()),
            typ: Some("JWT".into()),
            crit: None,
        };
        let mut token = format!("{}.{}", encoded(&header), encoded(claims));
        let signature = key.sign(token.as_bytes()).expect("the key can sign");
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

fn encoded(part: &impl Serialize) -> String {
    let json = serde_json::to_vec(part).expect("headers and claims are plain structures");
    BASE64_URL_SAFE_NO_PAD.encode(json)
}
