//! Today's language against the released one, in `contracts/released/`: only additions within a
//! version; what was written then is read today, and what is written today fits what was said then.

use std::{fs, path::PathBuf};

use contracts::{
    Envelope,
    envelope::SCHEMA_VERSION,
    schema::{self, ENVELOPE, MessageType, routing},
};
use serde_json::Value;

use crate::{builders::for_messages, compare, validator::Validator};

const REFRESH: &str = "an addition is released with `expeditor schemas --dir`, anything else needs \
                       a new version; see docs/messages.md";

fn folder() -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contracts/released");
    PathBuf::from(root).join(format!("v{SCHEMA_VERSION}"))
}

fn read(path: &str) -> Value {
    let path = folder().join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}", path.display());
    });
    serde_json::from_str(&text).unwrap()
}

/// The schemas that were released, by name.
pub(crate) fn released() -> Vec<(String, Value)> {
    let names = fs::read_dir(folder()).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".json").map(str::to_owned)
    });
    let schemas: Vec<(String, Value)> = names
        .filter(|name| name != "routes")
        .map(|name| (name.clone(), read(&format!("{name}.json"))))
        .collect();
    assert!(schemas.len() > 30, "the released schemas lie in {}", folder().display());
    schemas
}

#[test]
fn todays_language_adds_to_the_released_one_and_changes_nothing() {
    let names = MessageType::all().map(MessageType::as_str).chain([ENVELOPE]);
    let today: Vec<(String, Value)> =
        names.map(|name| (name.to_owned(), schema::schema(name).unwrap())).collect();
    let mut breaks = compare::language(&released(), &today);
    breaks.extend(compare::routes(&read("routes.json"), &routing()));
    let version = SCHEMA_VERSION;
    assert!(
        breaks.is_empty(),
        "version {version} changes other than by addition ({REFRESH}):\n{}",
        breaks.join("\n")
    );
}

#[test]
fn what_was_written_then_is_read_today() {
    let today = Validator::today();
    for (name, _) in released().iter().filter(|(name, _)| name != ENVELOPE) {
        let example = read(&format!("examples/{name}.json"));
        let envelope = Envelope::from_bytes(example.to_string().as_bytes()).unwrap();
        envelope.message().unwrap_or_else(|error| panic!("{name}: {error}; {REFRESH}"));
        assert_eq!(today.check_message(&example), Ok(()), "{name}");
    }
}

#[test]
fn what_is_written_today_fits_what_was_said_then() {
    let released = released();
    let then = Validator::of(released.clone());
    for_messages(|kind, envelope| {
        // A type that was added since: nobody of then knows it, and so nobody hears it.
        if !released.iter().any(|(name, _)| name == kind.as_str()) {
            return Ok(());
        }
        let message = serde_json::to_value(envelope).map_err(|error| error.to_string())?;
        then.check_message(&message)
    });
}

#[test]
fn every_released_message_has_an_example_of_its_own() {
    for (name, _) in released().iter().filter(|(name, _)| name != ENVELOPE) {
        let example = read(&format!("examples/{name}.json"));
        assert_eq!(example["type"], name.as_str());
        assert!(MessageType::parse(name).is_some(), "{name}");
    }
}
