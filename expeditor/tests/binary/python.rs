//! The own tests of the participant in Python, with the document that this binary prints.

use std::{path::Path, process::Command};

use crate::process::{ended, expeditor};

const PARTICIPANT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/python-participant");

#[test]
fn the_participant_in_python_passes_its_own_tests() {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("asyncapi.json");
    let (printed, _) = ended(&expeditor(&["asyncapi"]).output().unwrap(), 0);
    std::fs::write(&document, printed).unwrap();
    let output = Command::new(servers::python().unwrap())
        .args(["-m", "unittest"])
        .current_dir(Path::new(PARTICIPANT))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("LOYALTY_ASYNCAPI", &document)
        .output()
        .unwrap();
    let (_, told) = ended(&output, 0);
    let ran =
        told.lines().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse().ok());
    assert!(ran.is_some_and(|tests: u32| tests > 0), "{told}");
}
