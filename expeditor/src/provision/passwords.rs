//! Passwords that nobody has to remember, and what a server keeps of one. A server is told only
//! that: no password stands in a statement, so none in a server's log.

use std::fmt;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    digest, hmac,
    pbkdf2::{self, PBKDF2_HMAC_SHA256},
    rand::{SecureRandom, SystemRandom},
};

use crate::exit::Failure;

/// How often PostgreSQL hashes by default. A random password of 32 bytes needs no more.
const ITERATIONS: u32 = 4096;
/// The bytes of a salt, as each of the servers chooses it.
const POSTGRES_SALT: usize = 16;
const RABBITMQ_SALT: usize = 4;
/// What PostgreSQL's verifiers begin with.
const SCRAM: &str = "SCRAM-SHA-256";
/// RabbitMQ's name for what [`Password::for_rabbitmq`] answers.
pub const RABBITMQ_ALGORITHM: &str = "rabbit_password_hashing_sha256";

/// A password.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// A new one: 32 random bytes, in letters that need no quoting anywhere.
    pub fn random() -> Result<Self, Failure> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random::<32>()?)))
    }

    /// One that was read from a file.
    pub fn known(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The password itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What PostgreSQL keeps of it (RFC 5802, RFC 7677). It logs nobody in.
    pub fn for_postgres(&self) -> Result<String, Failure> {
        Ok(self.verifier(&random::<POSTGRES_SALT>()?, ITERATIONS))
    }

    /// Whether PostgreSQL keeps this password, by what it keeps.
    pub fn is_kept_by_postgres(&self, verifier: &str) -> bool {
        let parts = || {
            let (iterations, salt) =
                verifier.strip_prefix(SCRAM)?.strip_prefix('$')?.split_once(':')?;
            let (salt, _) = salt.split_once('$')?;
            Some((STANDARD.decode(salt).ok()?, iterations.parse().ok().filter(|it| *it > 0)?))
        };
        parts().is_some_and(|(salt, iterations)| self.verifier(&salt, iterations) == verifier)
    }

    fn verifier(&self, salt: &[u8], iterations: u32) -> String {
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        let times = iterations.try_into().expect("hashed once at least");
        pbkdf2::derive(PBKDF2_HMAC_SHA256, times, salt, self.0.as_bytes(), &mut salted);
        let key = |of: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &salted), of.as_bytes());
        let stored = digest::digest(&digest::SHA256, key("Client Key").as_ref());
        let (salt, stored) = (STANDARD.encode(salt), STANDARD.encode(stored));
        let server = STANDARD.encode(key("Server Key"));
        format!("{SCRAM}${iterations}:{salt}${stored}:{server}")
    }

    /// What RabbitMQ keeps of it. It logs nobody in.
    pub fn for_rabbitmq(&self) -> Result<String, Failure> {
        Ok(self.hash(&random::<RABBITMQ_SALT>()?))
    }

    /// Whether RabbitMQ keeps this password, by what it keeps.
    pub fn is_kept_by_rabbitmq(&self, algorithm: &str, hash: &str) -> bool {
        let kept = STANDARD.decode(hash).unwrap_or_default();
        let salt = kept.get(..RABBITMQ_SALT);
        algorithm == RABBITMQ_ALGORITHM && salt.is_some_and(|salt| self.hash(salt) == hash)
    }

    fn hash(&self, salt: &[u8]) -> String {
        let digest = digest::digest(&digest::SHA256, &[salt, self.0.as_bytes()].concat());
        STANDARD.encode([salt, digest.as_ref()].concat())
    }
}

/// Shows no password.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Failure::Environment("the system gives no random bytes".to_owned()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_differ_and_need_no_quoting() {
        let (one, other) = (Password::random().unwrap(), Password::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), 43);
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        assert!(one.reveal().chars().all(plain), "{}", one.reveal());
        assert!(!format!("{one:?}").contains(one.reveal()));
    }

    /// The example of RFC 7677: its exchange follows from these two keys.
    #[test]
    fn a_verifier_is_that_of_rfc_7677() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = Password::known("pencil").verifier(&salt, 4096);
        assert_eq!(
            verifier,
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
             WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    /// The example of RabbitMQ's page on passwords.
    #[test]
    fn a_hash_is_that_of_rabbitmq() {
        let hash = Password::known("test12").hash(&[0x90, 0x8d, 0xc6, 0x0a]);
        assert_eq!(hash, "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR");
    }

    #[test]
    fn each_server_keeps_its_password_and_no_other() {
        let (one, other) = (Password::random().unwrap(), Password::random().unwrap());
        let verifier = one.for_postgres().unwrap();
        assert!(one.is_kept_by_postgres(&verifier) && !other.is_kept_by_postgres(&verifier));
        let hash = one.for_rabbitmq().unwrap();
        assert!(one.is_kept_by_rabbitmq(RABBITMQ_ALGORITHM, &hash));
        assert!(!other.is_kept_by_rabbitmq(RABBITMQ_ALGORITHM, &hash));
        for strange in ["", "md5aa", "SCRAM-SHA-256$0:AA==$a:b", "SCRAM-SHA-256$x:AA==$a:b"] {
            assert!(!one.is_kept_by_postgres(strange), "{strange}");
            assert!(!one.is_kept_by_rabbitmq(RABBITMQ_ALGORITHM, strange), "{strange}");
        }
        assert!(!one.is_kept_by_rabbitmq("rabbit_password_hashing_md5", &hash));
    }
}
