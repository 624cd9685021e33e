//! Checking tokens. The signature comes first: nothing of what a token claims is believed, nor even
//! read, before it is known who wrote it.

use std::{borrow::Cow, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use contracts::Timestamp;
use serde::Deserialize;

use super::{EXPEDITOR, Keys, Principal, Role, header::Header, principal::is_subject};

/// The longest token, in bytes.
pub const MAX_TOKEN: usize = 4096;

/// How far the clocks of who makes tokens and who checks them may be apart: a token is taken so
/// long after its end, and so long before it was made.
pub const LEEWAY: Duration = Duration::from_secs(5);

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More than [`MAX_TOKEN`] bytes.
    #[error("the token has more than {MAX_TOKEN} bytes")]
    TooLong,
    /// Not three parts in base64url with an object of JSON in the first.
    #[error("the token is not a signed JSON Web Token")]
    Malformed,
    /// Its header demands what is not known here.
    #[error("the token's header has what is not understood here (crit or typ)")]
    NotUnderstood,
    /// It names no key, or one that is not known.
    #[error("the token was signed with a key that is not known")]
    UnknownKey,
    /// It was signed in another way than the key that it names is for.
    #[error("the token was signed in another way than its key is for")]
    Algorithm,
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// A claim is missing or of the wrong kind.
    #[error("the token's claims are not sub, role, exp, iat, iss and aud as they must be")]
    Claims,
    /// Issued by or for somebody else.
    #[error("the token is not of expeditor and for expeditor (iss and aud)")]
    Foreign,
    /// There is no such role.
    #[error("the token's role is not known")]
    UnknownRole,
    /// It is over.
    #[error("the token has expired")]
    Expired,
    /// It was made later than now, or is good only later.
    #[error("the token is not good yet")]
    NotYet,
}

/// Checks tokens with a set of keys. Clones share them.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Arc<Keys>,
}

/// Claims that are not named here are none of ours (RFC 7519, 4).
#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    aud: Audience<'a>,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow)]
    role: Cow<'a, str>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(#[serde(borrow)] Cow<'a, str>),
    Several(#[serde(borrow)] Vec<Cow<'a, str>>),
}

impl Verifier {
    /// With these keys.
    pub fn new(keys: Keys) -> Self {
        Self { keys: Arc::new(keys) }
    }

    /// Who brings this token at that time.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, TokenError> {
        let claims = self.signed(token)?;
        let claims: Claims<'_> = serde_json::from_slice(&claims).map_err(|_| TokenError::Claims)?;
        if claims.iss != EXPEDITOR || !claims.aud.names(EXPEDITOR) {
            return Err(TokenError::Foreign);
        }
        if now.minus(LEEWAY) >= time(claims.exp) {
            return Err(TokenError::Expired);
        }
        if now.plus(LEEWAY) < time(claims.iat.max(claims.nbf.unwrap_or(i64::MIN))) {
            return Err(TokenError::NotYet);
        }
        let role = Role::parse(&claims.role).ok_or(TokenError::UnknownRole)?;
        if !is_subject(&claims.sub) {
            return Err(TokenError::Claims);
        }
        let until = time(claims.exp).plus(LEEWAY);
        Ok(Principal { subject: claims.sub.into_owned(), role, until })
    }

    /// The claims of a token whose signature is right.
    fn signed(&self, token: &str) -> Result<Vec<u8>, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::TooLong);
        }
        let (content, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = content.split_once('.').ok_or(TokenError::Malformed)?;
        let (header, signature) = (decoded(header)?, decoded(signature)?);
        let header: Header<'_> =
            serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
        if header.crit.is_some() || header.typ.is_some_and(|typ| !is_jwt(&typ)) {
            return Err(TokenError::NotUnderstood);
        }
        let key = header.kid.and_then(|kid| self.keys.find(&kid)).ok_or(TokenError::UnknownKey)?;
        // The key says how it is used. What the token says must agree, and decides nothing.
        if header.alg != key.algorithm().as_str() {
            return Err(TokenError::Algorithm);
        }
        if !key.verifies(content.as_bytes(), &signature) {
            return Err(TokenError::Signature);
        }
        decoded(claims)
    }
}

impl Audience<'_> {
    fn names(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(several) => several.iter().any(|one| one == name),
        }
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, TokenError> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}

fn is_jwt(typ: &str) -> bool {
    ["JWT", "at+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known))
}

const fn time(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1000))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
