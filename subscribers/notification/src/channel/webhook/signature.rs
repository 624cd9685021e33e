//! The secret that requests are signed with. It is shown to nobody, not even in a log.

use std::{fmt, fs, path::Path};

use ring::hmac;

use super::WebhookError;

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;
const LONGEST: usize = 4_096;

/// A secret that this side and who listens share.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// Takes 16 to 4096 bytes.
    ///
    /// # Errors
    ///
    /// There are fewer or more.
    pub fn new(bytes: &[u8]) -> Result<Self, WebhookError> {
        if !(SHORTEST..=LONGEST).contains(&bytes.len()) {
            return Err(WebhookError::Usage(format!(
                "a secret has {SHORTEST} to {LONGEST} bytes, and this one has {}",
                bytes.len()
            )));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// Reads it from a file; the end of its last line is not part of it.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds no good secret.
    pub fn read(file: &Path) -> Result<Self, WebhookError> {
        let name = file.display();
        let bytes = fs::read(file).map_err(|error| {
            WebhookError::Environment(format!("the secret file {name}: {error}"))
        })?;
        let secret = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
        Self::new(secret)
            .map_err(|error| WebhookError::Usage(format!("the secret file {name}: {error}")))
    }

    /// The header's value: `v1=` and the HMAC-SHA-256 of `<timestamp>.<body>` in hexadecimal.
    pub fn sign(&self, timestamp: &str, body: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{timestamp}.{body}").as_bytes());
        tag.as_ref().iter().fold("v1=".to_owned(), |mut text, byte| {
            for nibble in [byte >> 4, byte & 0xf] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
            text
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_which_other_tools_make() {
        let secret = Secret::new(b"0123456789abcdef").unwrap();
        // printf '1780000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let expected = "v1=bbc5da54367f5e39957fab1768fefa9cb855aa3b2717bef17cedda003c97c1bb";
        assert_eq!(secret.sign("1780000000", r#"{"a":1}"#), expected);
        assert_ne!(secret.sign("1780000001", r#"{"a":1}"#), expected);
        assert_ne!(secret.sign("1780000000", r#"{"a":2}"#), expected);
    }

    #[test]
    fn a_secret_is_read_whole_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        let of = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            Secret::read(&file)
        };
        let same = Secret::new(b"hidden-0123456789").unwrap().sign("1", "x");
        for bytes in [&b"hidden-0123456789"[..], b"hidden-0123456789\n", b"hidden-0123456789\r\n"] {
            assert_eq!(of(bytes).unwrap().sign("1", "x"), same);
        }
        assert!(!format!("{:?}", of(b"hidden-0123456789").unwrap()).contains("hidden"));
        for bytes in [&b""[..], b"hidden\n", &[b'x'; 5_000]] {
            let told = of(bytes).unwrap_err().to_string();
            assert!(told.contains("secret") && !told.contains("hidden"), "{told}");
        }
        assert!(matches!(
            Secret::read(&directory.path().join("none")),
            Err(WebhookError::Environment(_))
        ));
    }
}
