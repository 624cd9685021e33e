//! Schemas and serde say the same: what is encoded fits, and what must be there must be there for
//! both.

use contracts::{
    Envelope, example,
    schema::{self, MessageType},
};
use serde_json::{Value, json};

use crate::{
    builders::for_messages,
    paths::{self, Place},
    validator::Validator,
};

#[test]
fn what_is_encoded_fits_its_schema_and_is_read_back() {
    let validator = Validator::today();
    for_messages(|kind, envelope| {
        let encoded = envelope.to_json().map_err(|error| error.to_string())?;
        let value: Value = serde_json::from_str(&encoded).map_err(|error| error.to_string())?;
        assert_eq!(value["dataschema"], kind.schema_id());
        validator.check_message(&value)?;
        let read = Envelope::from_bytes(encoded.as_bytes()).map_err(|error| error.to_string())?;
        let said = read.message().map_err(|error| format!("{error}: {encoded}"))?;
        let meant = envelope.message().map_err(|error| error.to_string())?;
        if said == meant { Ok(()) } else { Err(format!("{said:?} was {meant:?}")) }
    });
}

/// Changes every field of every message in one way, and has a look at what both sides say of it.
fn for_changes(
    change: impl Fn(&mut Value, &Place) -> bool,
    look: impl Fn(&Place, Result<(), String>, Result<(), String>),
) {
    let validator = Validator::today();
    for kind in MessageType::all() {
        let message = example::message(kind);
        assert_eq!(validator.check_message(&message), Ok(()));
        let data = schema::schema(kind.as_str()).unwrap();
        let places = paths::places(&schema::envelope(), &message, "")
            .into_iter()
            .chain(paths::places(&data, &message["data"], "/data"));
        for place in places {
            let mut changed = message.clone();
            // Those that are fixed by the envelope's type are looked at on their own.
            if ["/type", "/dataschema", "/source"].contains(&place.pointer.as_str())
                || !change(&mut changed, &place)
            {
                continue;
            }
            let read = Envelope::from_bytes(changed.to_string().as_bytes())
                .and_then(|envelope| envelope.message())
                .map(|_| ())
                .map_err(|error| error.to_string());
            look(&place, validator.check_message(&changed), read);
        }
    }
}

#[test]
fn what_the_schema_requires_the_decoder_requires_and_the_other_way_round() {
    let counts = [const { std::cell::Cell::new(0) }; 2];
    for_changes(
        |message, place| {
            // What every event or every command needs besides is the decoder's to say.
            let further = ["/sequence", "/commandid"].contains(&place.pointer.as_str());
            !further && paths::remove(message, &place.pointer)
        },
        |place, fits, read| {
            counts[usize::from(place.required)].update(|count| count + 1);
            assert_eq!(fits.is_err(), place.required, "schema, without {place:?}: {fits:?}");
            assert_eq!(read.is_err(), place.required, "decoder, without {place:?}: {read:?}");
        },
    );
    assert!(counts.iter().all(|count| count.get() > 50), "{counts:?}");
}

#[test]
fn a_value_of_another_type_is_refused_by_both() {
    for_changes(
        |message, place| {
            let value = message.pointer_mut(&place.pointer).unwrap();
            *value = if value.is_boolean() { json!([]) } else { json!(true) };
            true
        },
        |place, fits, read| {
            assert!(fits.is_err(), "schema, with another type at {place:?}");
            assert!(read.is_err(), "decoder, with another type at {place:?}");
        },
    );
}

#[test]
fn a_text_against_its_pattern_length_or_format_is_refused_by_both() {
    for wrong in ["김 밥", "", "2026-05-28", &"x".repeat(65)] {
        for_changes(
            |message, place| {
                let bound = ["pattern", "format", "const"];
                let text = place.schema["type"] == "string" && wrong != "2026-05-28";
                let time = place.schema["format"] == "date-time";
                if !(text && bound.iter().any(|it| place.schema.get(it).is_some()) || time) {
                    return false;
                }
                *message.pointer_mut(&place.pointer).unwrap() = json!(wrong);
                true
            },
            |place, fits, read| {
                assert!(fits.is_err(), "schema, {wrong:?} at {place:?}");
                assert!(read.is_err(), "decoder, {wrong:?} at {place:?}");
            },
        );
    }
}

#[test]
fn what_a_reader_does_not_know_it_ignores() {
    for_changes(
        |message, place| match message.pointer_mut(&place.pointer) {
            Some(Value::Object(object)) => {
                object.insert("invented_later".to_owned(), json!({ "any": [1, null] }));
                true
            }
            _ => false,
        },
        |place, fits, read| {
            assert_eq!(fits, Ok(()), "schema, with more at {place:?}");
            assert_eq!(read, Ok(()), "decoder, with more at {place:?}");
        },
    );
}
