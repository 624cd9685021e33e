//! Tokens that are taken, and every way in which one is not.

use serde_json::{Value, json};

use super::*;
use crate::{
    auth::{Algorithm, Signer, generate, keys::Key},
    ports::Ports,
};

const SECRET: [u8; 32] = [7; 32];
/// When every token of these tests is made and checked, in seconds.
const NOW: i64 = 1_780_000_000;

fn verifier() -> Verifier {
    let pair = Keys::parse(PAIR).unwrap();
    assert_eq!(pair.find("ed").unwrap().algorithm(), Algorithm::EdDsa);
    let public = Key::public("ed", &decoded(X).unwrap()).unwrap();
    Verifier::new(Keys::new(vec![Key::secret("hs", &SECRET).unwrap(), public]).unwrap())
}

const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const PAIR: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}"#;

fn claims() -> Value {
    json!({"iss": EXPEDITOR, "aud": EXPEDITOR, "sub": "c-1", "role": "cook",
        "iat": NOW, "exp": NOW + 60})
}

fn header() -> Value {
    json!({"alg": "HS256", "kid": "hs", "typ": "JWT"})
}

fn encoded(part: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part.to_string())
}

fn signed(header: &Value, claims: &Value) -> String {
    signed_raw(&encoded(header), &encoded(claims))
}

fn signed_raw(header: &str, claims: &str) -> String {
    let content = format!("{header}.{claims}");
    let key = Key::secret("hs", &SECRET).unwrap();
    let signature = key.sign(content.as_bytes()).unwrap();
    format!("{content}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn verify(token: &str) -> Result<Principal, TokenError> {
    verifier().verify(token, time(NOW))
}

/// With one member of an object changed, or taken out.
fn with(mut object: Value, member: &str, value: Option<Value>) -> Value {
    let members = object.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(member.to_owned(), value),
        None => members.remove(member),
    };
    object
}

#[test]
fn what_was_signed_here_is_taken() {
    let ports = Ports::system();
    for algorithm in [Algorithm::Hs256, Algorithm::EdDsa] {
        let text = generate::key_set(algorithm).unwrap();
        let signer = Signer::new(Keys::parse(&text).unwrap(), ports.clone()).unwrap();
        let verifier = Verifier::new(Keys::parse(&text).unwrap());
        for role in Role::ALL {
            let token = signer.token(role, "somebody", Duration::from_secs(60));
            let found = verifier.verify(&token, ports.now()).unwrap();
            let subject = "somebody".to_owned();
            assert_eq!(found, Principal { subject, role, until: found.until });
            let last = found.until.minus(Duration::from_millis(1));
            assert!(verifier.verify(&token, last).is_ok());
            assert_eq!(verifier.verify(&token, found.until), Err(TokenError::Expired));
            let later = ports.now().plus(Duration::from_secs(66));
            assert_eq!(verifier.verify(&token, later), Err(TokenError::Expired));
        }
    }
}

#[test]
fn who_has_only_public_halves_cannot_sign() {
    let public = Key::public("ed", &decoded(X).unwrap()).unwrap();
    let signer = Signer::new(Keys::new(vec![public]).unwrap(), Ports::system());
    assert_eq!(signer.err().unwrap(), crate::auth::KeyError::OnlyPublic);
}

/// RFC 8037, appendix A.4: the signature that others make with this key.
#[test]
fn a_signature_of_the_standard_is_right() {
    let content = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let key = Keys::parse(PAIR).unwrap();
    let key = key.find("ed").unwrap();
    assert!(key.verifies(content.as_bytes(), &decoded(signature).unwrap()));
    assert_eq!(key.sign(content.as_bytes()).unwrap(), decoded(signature).unwrap());
}

/// RFC 7515, appendix A.1.
#[test]
fn a_secrets_signature_of_the_standard_is_right() {
    let secret =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let content = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let key = Key::secret("rfc", &decoded(secret).unwrap()).unwrap();
    assert!(key.verifies(content.as_bytes(), &decoded(signature).unwrap()));
}

#[test]
fn a_header_decides_nothing_that_the_key_does_not_say() {
    let ed = "EdDSA";
    for (member, value, found) in [
        ("typ", None, Ok(())),
        ("typ", Some(json!("at+jwt")), Ok(())),
        ("typ", Some(json!("dpop+jwt")), Err(TokenError::NotUnderstood)),
        ("typ", Some(json!(1)), Err(TokenError::Malformed)),
        ("alg", None, Err(TokenError::Malformed)),
        ("alg", Some(json!("none")), Err(TokenError::Algorithm)),
        ("alg", Some(json!("hs256")), Err(TokenError::Algorithm)),
        ("alg", Some(json!("HS512")), Err(TokenError::Algorithm)),
        ("alg", Some(json!(ed)), Err(TokenError::Algorithm)),
        ("kid", None, Err(TokenError::UnknownKey)),
        ("kid", Some(json!("other")), Err(TokenError::UnknownKey)),
        // The name of another key that is known.
        ("kid", Some(json!("ed")), Err(TokenError::Algorithm)),
        ("crit", Some(json!(["exp"])), Err(TokenError::NotUnderstood)),
        ("crit", Some(json!([])), Err(TokenError::NotUnderstood)),
        // Keys that come with the token, or from where it says, are not looked at.
        ("jwk", Some(json!({"kty": "oct", "k": "AAAA"})), Ok(())),
        ("jku", Some(json!("http://127.0.0.1:1/keys")), Ok(())),
        ("x5u", Some(json!("http://127.0.0.1:1/keys")), Ok(())),
    ] {
        let header = with(header(), member, value);
        assert_eq!(verify(&signed(&header, &claims())).map(|_| ()), found, "{header}");
    }
}

/// The oldest attack on two kinds of keys: a public half used as a secret.
#[test]
fn a_public_half_is_no_secret() {
    let header = json!({"alg": "HS256", "kid": "ed"});
    let content = format!("{}.{}", encoded(&header), encoded(&claims()));
    let key = Key::secret("ed", &decoded(X).unwrap()).unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(content.as_bytes()).unwrap());
    assert_eq!(verify(&format!("{content}.{signature}")), Err(TokenError::Algorithm));
    let header = json!({"alg": "EdDSA", "kid": "ed"});
    let content = format!("{}.{}", encoded(&header), encoded(&claims()));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(content.as_bytes()).unwrap());
    assert_eq!(verify(&format!("{content}.{signature}")), Err(TokenError::Signature));
}

#[test]
fn a_claim_that_is_missing_or_wrong_is_refused() {
    use TokenError as E;
    for (member, value, found) in [
        ("extra", Some(json!({"a": [1]})), Ok(())),
        ("iss", None, Err(E::Claims)),
        ("iss", Some(json!("other")), Err(E::Foreign)),
        ("aud", None, Err(E::Claims)),
        ("aud", Some(json!("other")), Err(E::Foreign)),
        ("aud", Some(json!([])), Err(E::Foreign)),
        ("aud", Some(json!(["other", "expeditor"])), Ok(())),
        ("aud", Some(json!({"expeditor": 1})), Err(E::Claims)),
        ("sub", None, Err(E::Claims)),
        ("sub", Some(json!("")), Err(E::Claims)),
        ("sub", Some(json!("a b")), Err(E::Claims)),
        ("sub", Some(json!("x".repeat(129))), Err(E::Claims)),
        ("sub", Some(json!("x".repeat(128))), Ok(())),
        ("sub", Some(json!(1)), Err(E::Claims)),
        ("role", None, Err(E::Claims)),
        ("role", Some(json!("admin")), Err(E::UnknownRole)),
        ("role", Some(json!(["cook"])), Err(E::Claims)),
        ("exp", None, Err(E::Claims)),
        ("exp", Some(json!((NOW + 60).to_string())), Err(E::Claims)),
        ("exp", Some(json!(1.8e9)), Err(E::Claims)),
        ("exp", Some(json!(i64::MAX)), Ok(())),
        ("exp", Some(json!(NOW)), Ok(())),
        ("exp", Some(json!(NOW - 4)), Ok(())),
        ("exp", Some(json!(NOW - 5)), Err(E::Expired)),
        ("exp", Some(json!(i64::MIN)), Err(E::Expired)),
        ("iat", None, Err(E::Claims)),
        ("iat", Some(json!(NOW + 5)), Ok(())),
        ("iat", Some(json!(NOW + 6)), Err(E::NotYet)),
        ("nbf", Some(json!(NOW + 5)), Ok(())),
        ("nbf", Some(json!(NOW + 6)), Err(E::NotYet)),
        ("nbf", Some(json!("now")), Err(E::Claims)),
    ] {
        let claims = with(claims(), member, value);
        assert_eq!(verify(&signed(&header(), &claims)).map(|_| ()), found, "{claims}");
    }
}

#[test]
fn what_is_no_token_is_refused_and_nothing_panics() {
    let good = signed(&header(), &claims());
    assert!(verify(&good).is_ok());
    let parts: Vec<&str> = good.split('.').collect();
    let twice = r#"{"alg":"none","alg":"HS256","kid":"hs"}"#;
    for (token, found) in [
        (String::new(), TokenError::Malformed),
        ("a".to_owned(), TokenError::Malformed),
        (".".to_owned(), TokenError::Malformed),
        ("..".to_owned(), TokenError::Malformed),
        ("토큰".to_owned(), TokenError::Malformed),
        (format!("{}.{}", parts[0], parts[1]), TokenError::Malformed),
        (format!("{}.{}.", parts[0], parts[1]), TokenError::Signature),
        (format!("{good}="), TokenError::Malformed),
        (format!("{good}.{}", parts[2]), TokenError::Signature),
        (format!("{good}AAAA"), TokenError::Signature),
        (format!("{}.{}.{}", parts[0], encoded(&json!({})), parts[2]), TokenError::Signature),
        (signed_raw(&encoded(&header()), &encoded(&json!([]))), TokenError::Claims),
        (signed_raw(&encoded(&header()), "%"), TokenError::Malformed),
        (signed_raw(&encoded(&json!("HS256")), &encoded(&claims())), TokenError::Malformed),
        (
            signed_raw(&BASE64_URL_SAFE_NO_PAD.encode(twice), &encoded(&claims())),
            TokenError::Malformed,
        ),
        ("x".repeat(MAX_TOKEN + 1), TokenError::TooLong),
        ("x".repeat(MAX_TOKEN), TokenError::Malformed),
    ] {
        assert_eq!(verify(&token), Err(found), "{token}");
    }
    // Whatever is changed in a token, it is not taken.
    for place in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verify(&changed).is_err(), "{changed}");
    }
}
