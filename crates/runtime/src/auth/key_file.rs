//! Keys in a file: a JSON Web Key Set (RFC 7517) with keys of the types `oct` and `OKP`.

use std::{fs::File, io::Read, path::Path};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::keys::{Algorithm, Key, KeyError, Keys};

/// The longest file, in bytes: room for hundreds of keys.
const MAX_FILE: u64 = 64 * 1024;

/// Why no keys could be read from a file; one line that names it.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct KeyFileError {
    path: String,
    reason: String,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

/// Members that are not named here are none of ours (RFC 7517, 4).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    k: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    d: Option<String>,
}

impl Keys {
    /// Reads keys from a file.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let failed = |reason: String| KeyFileError { path: path.display().to_string(), reason };
        let mut text = String::new();
        let file = File::open(path).map_err(|error| failed(error.to_string()))?;
        let mut file = file.take(MAX_FILE + 1);
        file.read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
        if file.limit() == 0 {
            return Err(failed(format!("it has more than {MAX_FILE} bytes")));
        }
        Self::parse(&text).map_err(failed)
    }

    /// Reads keys from the text of a key set; the reason where there are none.
    pub fn parse(text: &str) -> Result<Self, String> {
        // What serde says could quote a value, and the values are secrets.
        let set: Set = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("not a JSON Web Key Set, line {line} column {column}")
        })?;
        let keys = set.keys.into_iter().enumerate();
        let keys: Result<_, _> = keys.map(|(place, jwk)| key(place, &jwk)).collect();
        Self::new(keys?).map_err(|error| error.to_string())
    }
}

fn key(place: usize, jwk: &Jwk) -> Result<Key, String> {
    let place = place + 1;
    let kid = jwk.kid.as_deref().ok_or_else(|| format!("key {place}: no kid"))?;
    let told = |error: KeyError| match error {
        KeyError::Kid => format!("key {place}: {error}"),
        _ => error.to_string(),
    };
    if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
        return Err(format!("key '{kid}': it is not for signing (use)"));
    }
    let (algorithm, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("oct", _) => {
            let secret = bytes(kid, "k", jwk.k.as_deref())?;
            (Algorithm::Hs256, Key::secret(kid, &secret))
        }
        ("OKP", Some("Ed25519")) => {
            let public = bytes(kid, "x", jwk.x.as_deref())?;
            let key = match jwk.d.as_deref() {
                None => Key::public(kid, &public),
                Some(_) => Key::pair(kid, &bytes(kid, "d", jwk.d.as_deref())?, &public),
            };
            (Algorithm::EdDsa, key)
        }
        _ => {
            return Err(format!(
                "key '{kid}': its type is not known; those that are: oct, and OKP with the curve \
                 Ed25519"
            ));
        }
    };
    match jwk.alg.as_deref() {
        Some(alg) if alg != algorithm.as_str() => {
            Err(format!("key '{kid}': the alg of its type is {}", algorithm.as_str()))
        }
        _ => key.map_err(told),
    }
}

fn bytes(kid: &str, member: &str, value: Option<&str>) -> Result<Vec<u8>, String> {
    let value = value.ok_or_else(|| format!("key '{kid}': no {member}"))?;
    BASE64_URL_SAFE_NO_PAD
        .decode(value)
        .map_err(|_| format!("key '{kid}': {member} is not base64url without padding"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 32 bytes, and 31.
    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const SHORT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg";
    /// The key pair of RFC 8037, appendix A.
    const D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn refused(keys: &str) -> String {
        Keys::parse(&format!(r#"{{"keys":[{keys}]}}"#)).unwrap_err()
    }

    #[test]
    fn keys_of_both_types_are_read_and_the_first_that_can_sign_signs() {
        let keys = Keys::parse(&format!(
            r#"{{"keys":[
                {{"kty":"OKP","crv":"Ed25519","kid":"public","x":"{X}","key_ops":["verify"]}},
                {{"kty":"OKP","crv":"Ed25519","kid":"pair","alg":"EdDSA","use":"sig","x":"{X}","d":"{D}"}},
                {{"kty":"oct","kid":"secret","alg":"HS256","k":"{SECRET}"}}
            ],"note":"mine"}}"#
        ))
        .unwrap();
        assert_eq!(keys.signing().unwrap().kid(), "pair");
        assert_eq!(keys.find("secret").unwrap().algorithm(), Algorithm::Hs256);
        assert_eq!(keys.find("public").unwrap().algorithm(), Algorithm::EdDsa);
        assert!(keys.find("other").is_none());
        let signature = keys.find("pair").unwrap().sign(b"text").unwrap();
        assert!(keys.find("public").unwrap().verifies(b"text", &signature));
        assert!(!keys.find("public").unwrap().verifies(b"test", &signature));
        assert!(keys.find("public").unwrap().sign(b"text").is_none());
        let shown = format!("{keys:?}");
        assert!(!shown.contains(SECRET) && !shown.contains(D), "{shown}");
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said_without_its_secret() {
        let other = SECRET;
        for (keys, reason) in [
            (String::new(), "no key"),
            (format!(r#"{{"kty":"oct","k":"{SECRET}"}}"#), "key 1: no kid"),
            (format!(r#"{{"kty":"oct","kid":"","k":"{SECRET}"}}"#), "key 1: a kid must be"),
            (format!(r#"{{"kty":"oct","kid":"a b","k":"{SECRET}"}}"#), "key 1: a kid must be"),
            (format!(r#"{{"kty":"oct","kid":"a","k":"{SHORT}"}}"#), "fewer than 32 bytes"),
            (r#"{"kty":"oct","kid":"a"}"#.to_owned(), "key 'a': no k"),
            (format!(r#"{{"kty":"oct","kid":"a","k":"{SECRET}="}}"#), "not base64url"),
            (format!(r#"{{"kty":"oct","kid":"a","alg":"HS512","k":"{SECRET}"}}"#), "is HS256"),
            (format!(r#"{{"kty":"oct","kid":"a","use":"enc","k":"{SECRET}"}}"#), "not for signing"),
            (r#"{"kty":"RSA","kid":"a","n":"AQ","e":"AQAB"}"#.to_owned(), "type is not known"),
            (format!(r#"{{"kty":"OKP","crv":"X25519","kid":"a","x":"{X}"}}"#), "type is not known"),
            (format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"a","d":"{D}"}}"#), "key 'a': no x"),
            (
                format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"a","x":"{X}","d":"{other}"}}"#),
                "not the two halves",
            ),
            (format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"a","x":"{SHORT}"}}"#), "two halves"),
            (
                format!(
                    r#"{{"kty":"oct","kid":"a","k":"{SECRET}"}},{{"kty":"oct","kid":"a","k":"{SECRET}"}}"#
                ),
                "two keys have the kid 'a'",
            ),
            (
                format!(r#"{{"kty":"oct","kid":"a","k":["{SECRET}"]}}"#),
                "not a JSON Web Key Set, line 1",
            ),
            (format!(r#""{SECRET}""#), "not a JSON Web Key Set, line 1"),
        ] {
            let told = refused(&keys);
            assert!(told.contains(reason), "{keys}: {told}");
            let silent = [SECRET, SHORT, D].iter().all(|secret| !told.contains(secret));
            assert!(silent && !told.contains('\n'), "{told}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_in_one_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        let told = Keys::read(&path).unwrap_err().to_string();
        assert!(told.starts_with(&format!("{}: No such file", path.display())), "{told}");
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(Keys::read(&path).unwrap_err().to_string().contains("UTF-8"));
        std::fs::write(&path, " ".repeat(64 * 1024 + 1)).unwrap();
        assert!(Keys::read(&path).unwrap_err().to_string().contains("more than 65536 bytes"));
        std::fs::write(&path, "{}").unwrap();
        assert!(Keys::read(&path).unwrap_err().to_string().contains("not a JSON Web Key Set"));
    }
}
