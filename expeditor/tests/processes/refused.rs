//! What a service or a relay cannot start with, and what will not go away by itself: it ends with one
//! line that says what is wrong and keeps the password.

use std::process::Command;

use contracts::ServiceName::Payment;
use expeditor::fleet;

use crate::{place::Place, stage::ground};

/// Wherever a password stands in a URL.
const WRONG: &str = "wrong-secret";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_login_a_place_or_a_version_that_is_wrong_ends_the_start_in_one_line() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let access = ground.prepare().await.unwrap();
    let (keys, _tokens) = fleet::new_keys(dir.path(), &place.ports).unwrap();
    let reach = &access.services[&Payment];
    let (database, broker) = (reach.database_url.as_str(), reach.amqp_url.as_str());
    let nobody = "amqp://guest:wrong-secret@127.0.0.1:1/nowhere";
    let nowhere = format!("{}_nowhere", ground.prefix());
    let nowhere = database.replace(&format!("{}_payment", ground.prefix()), &nowhere);
    let unknown = format!("{broker}-unknown");
    for (database, broker, says) in [
        (with_password(database).as_str(), broker, "password"),
        (&nowhere, broker, "does not exist"),
        (&place.database_url, broker, "expeditor migrate"),
        ("postgres://u:wrong-secret@127.0.0.1:1/d", broker, "127.0.0.1:1"),
        (database, &with_password(broker), "the broker refuses"),
        (database, &unknown, "the broker refuses"),
        // What is wrong for good is told although the broker is not there yet.
        (&with_password(database), nobody, "password"),
    ] {
        let source = format!("payment={database}");
        let keys = keys.to_str().unwrap();
        for arguments in [
            vec![
                "serve",
                "payment",
                "--database-url",
                database,
                "--amqp-url",
                broker,
                "--keys",
                keys,
            ],
            vec!["relay", "--source", &source, "--amqp-url", broker, "--keys", keys],
        ] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
            command.args(&arguments).args(["--listen", "127.0.0.1:0"]).env_clear();
            let output = tokio::task::spawn_blocking(move || command.output());
            let output = place.within(output).await.unwrap().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{arguments:?}: {stderr}");
            assert!(stderr.contains(says), "{says:?} is missing in {stderr}");
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            assert!(!stderr.contains(WRONG), "{stderr}");
        }
    }
    ground.remove_databases().await.unwrap();
}

/// The URL with another password.
fn with_password(url: &str) -> String {
    let (before, rest) = url.split_once("://").unwrap();
    let (login, place) = rest.split_once('@').unwrap();
    let (user, _) = login.split_once(':').unwrap();
    format!("{before}://{user}:{WRONG}@{place}")
}
