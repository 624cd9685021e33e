//! Keys: what tokens are signed with and checked against. Never shown, never logged.

use std::{collections::HashSet, fmt};

use ring::{
    hmac,
    signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey},
};

/// The fewest bytes of a secret: fewer than the hash has would be weaker than it (RFC 7518, 3.2).
pub const MIN_SECRET: usize = 32;

/// The longest id of a key, in characters.
pub const MAX_KID: usize = 128;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256: who can check tokens can also make them.
    Hs256,
    /// Ed25519: who has only the public half can check tokens and make none.
    EdDsa,
}

impl Algorithm {
    /// As it stands in a token's header and in a key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// Why a set of keys is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is none.
    #[error("it holds no key")]
    Empty,
    /// Two keys have this id.
    #[error("two keys have the kid '{0}'")]
    Twice(String),
    /// An id has no or too many characters, or invisible ones.
    #[error("a kid must be 1 to {MAX_KID} visible ASCII characters")]
    Kid,
    /// The secret of this key is too short.
    #[error("key '{0}': the secret has fewer than {MIN_SECRET} bytes")]
    Short(String),
    /// The halves of this key are no Ed25519 key, or not of one another.
    #[error("key '{0}': x and d are not the two halves of one Ed25519 key")]
    Halves(String),
    /// No key can sign.
    #[error("none of its keys can sign, since they are the public halves")]
    OnlyPublic,
}

/// One key.
pub struct Key {
    kid: String,
    material: Material,
}

enum Material {
    Secret(hmac::Key),
    Public(Vec<u8>),
    Pair(Box<Ed25519KeyPair>),
}

impl Key {
    /// A secret for [`Algorithm::Hs256`].
    pub fn secret(kid: impl Into<String>, secret: &[u8]) -> Result<Self, KeyError> {
        let kid = checked(kid.into())?;
        if secret.len() < MIN_SECRET {
            return Err(KeyError::Short(kid));
        }
        Ok(Self { kid, material: Material::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret)) })
    }

    /// The public half of a key for [`Algorithm::EdDsa`].
    pub fn public(kid: impl Into<String>, public: &[u8]) -> Result<Self, KeyError> {
        let kid = checked(kid.into())?;
        if public.len() != 32 {
            return Err(KeyError::Halves(kid));
        }
        Ok(Self { kid, material: Material::Public(public.to_vec()) })
    }

    /// Both halves of a key for [`Algorithm::EdDsa`].
    pub fn pair(kid: impl Into<String>, seed: &[u8], public: &[u8]) -> Result<Self, KeyError> {
        let kid = checked(kid.into())?;
        match Ed25519KeyPair::from_seed_and_public_key(seed, public) {
            Ok(pair) => Ok(Self { kid, material: Material::Pair(Box::new(pair)) }),
            Err(_) => Err(KeyError::Halves(kid)),
        }
    }

    /// By what a token names it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm that it is for.
    pub const fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Secret(_) => Algorithm::Hs256,
            Material::Public(_) | Material::Pair(_) => Algorithm::EdDsa,
        }
    }

    /// The signature of these bytes, where this key can sign.
    pub(super) fn sign(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        match &self.material {
            Material::Secret(key) => Some(hmac::sign(key, bytes).as_ref().to_vec()),
            Material::Public(_) => None,
            Material::Pair(pair) => Some(pair.sign(bytes).as_ref().to_vec()),
        }
    }

    /// Whether the signature is this key's, of these bytes. A secret's is compared in constant time.
    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        use ring::signature::KeyPair as _;
        let public = match &self.material {
            Material::Secret(key) => return hmac::verify(key, bytes, signature).is_ok(),
            Material::Public(public) => public,
            Material::Pair(pair) => pair.public_key().as_ref(),
        };
        UnparsedPublicKey::new(&ED25519, public).verify(bytes, signature).is_ok()
    }

    const fn can_sign(&self) -> bool {
        !matches!(self.material, Material::Public(_))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}'", self.algorithm().as_str(), self.kid)
    }
}

fn checked(kid: String) -> Result<String, KeyError> {
    let fits = (1..=MAX_KID).contains(&kid.len()) && kid.bytes().all(|it| it.is_ascii_graphic());
    if fits { Ok(kid) } else { Err(KeyError::Kid) }
}

/// One key or several: a token may be signed with any of them, so that they can be changed one
/// after another while tokens of both are about.
#[derive(Debug)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// These keys, each with an id of its own.
    pub fn new(keys: Vec<Key>) -> Result<Self, KeyError> {
        let mut seen = HashSet::new();
        if let Some(twice) = keys.iter().find(|key| !seen.insert(key.kid())) {
            return Err(KeyError::Twice(twice.kid().to_owned()));
        }
        if keys.is_empty() { Err(KeyError::Empty) } else { Ok(Self(keys)) }
    }

    /// The key of that id.
    pub fn find(&self, kid: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.kid() == kid)
    }

    /// The key that new tokens are signed with: the first that can sign.
    pub fn signing(&self) -> Option<&Key> {
        self.0.iter().find(|key| key.can_sign())
    }
}
