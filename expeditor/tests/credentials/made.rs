//! What `keys` writes and `token` prints.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use runtime::{
    auth::{Algorithm, Keys, Role, TokenError, Verifier},
    ports::Ports,
};

use super::{done, ends, expeditor};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_file_of_keys_is_its_owners_alone_and_is_never_written_over() {
    let directory = tempfile::tempdir().unwrap();
    for (alg, algorithm) in [
        (None, Algorithm::Hs256),
        (Some("hs256"), Algorithm::Hs256),
        (Some("ed25519"), Algorithm::EdDsa),
    ] {
        let path = directory.path().join(format!("{alg:?}.json"));
        let options = alg.map_or(Vec::new(), |alg| vec!["--alg", alg]);
        let told = done(&[&["keys", text(&path)][..], &options].concat());
        assert!(told.starts_with(text(&path)), "{told}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let keys = Keys::read(&path).unwrap();
        assert_eq!(keys.signing().unwrap().algorithm(), algorithm);

        let before = fs::read(&path).unwrap();
        let again = expeditor(&["keys", text(&path)]).output().unwrap();
        ends(&again, 2, "is there already; nothing was changed");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    let nowhere = directory.path().join("none/keys.json");
    ends(&expeditor(&["keys", text(&nowhere)]).output().unwrap(), 3, "none/keys.json: No such");
}

#[test]
fn a_token_stands_alone_and_says_who_and_for_how_long() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    done(&["keys", text(&path)]);
    let verifier = Verifier::new(Keys::read(&path).unwrap());
    let ports = Ports::system();
    for (options, role, subject, seconds) in [
        (&["--role", "operator"][..], Role::Operator, "operator", 3600),
        (&["--role", "cook", "--subject", "mina", "--ttl", "90s"], Role::Cook, "mina", 90),
        (&["--role", "service", "--ttl", "30d"], Role::Service, "service", 30 * 86_400),
    ] {
        let printed = done(&[&["token", "--keys", text(&path)], options].concat());
        let token = printed.strip_suffix('\n').unwrap();
        assert!(token.bytes().all(|it| it.is_ascii_graphic()), "{printed:?}");
        let found = verifier.verify(token, ports.now()).unwrap();
        assert_eq!((found.role, found.subject.as_str()), (role, subject));
        // Some seconds for the run, and the leeway.
        let after =
            |seconds| verifier.verify(token, ports.now().plus(Duration::from_secs(seconds)));
        assert!(after(seconds - 30).is_ok());
        assert_eq!(after(seconds + 6), Err(TokenError::Expired));
    }
}

#[test]
fn keys_are_found_by_the_environment_and_the_file_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    done(&["keys", text(&path), "--alg", "ed25519"]);
    let by_variable = expeditor(&["token", "--role", "cook"]).env("EXPEDITOR_KEYS", &path).output();
    assert_eq!(by_variable.unwrap().status.code(), Some(0));
    let file = directory.path().join("expeditor.toml");
    fs::write(&file, format!("[token]\nkeys = {:?}\n", text(&path))).unwrap();
    done(&["--config", text(&file), "token", "--role", "cook"]);
}

#[test]
fn keys_that_are_of_no_use_are_named_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    let token = ["token", "--role", "cook", "--keys", text(&path)];
    ends(&expeditor(&token[..3]).output().unwrap(), 2, "--keys is wanted");
    ends(&expeditor(&token).output().unwrap(), 2, "keys.json: No such file");
    fs::write(&path, "{}").unwrap();
    ends(&expeditor(&token).output().unwrap(), 2, "keys.json: not a JSON Web Key Set");
    let public = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    fs::write(&path, public).unwrap();
    ends(&expeditor(&token).output().unwrap(), 2, "none of its keys can sign");
}
