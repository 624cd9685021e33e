//! `keys`: a file with one new key, that only its owner may read.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use runtime::auth::generate;

use super::options::KeysArgs;
use crate::{
    exit::{Failure, disk},
    print,
};

/// Makes it and says so.
pub fn run(options: &KeysArgs) -> Result<(), Failure> {
    let text = generate::key_set(options.alg.unwrap_or_default().into());
    let text = text.map_err(|error| Failure::Environment(error.to_string()))?;
    write_new(&options.file, &text)?;
    print::line(format_args!(
        "{} holds a new key; who can read it can make tokens.",
        options.file.display()
    ));
    Ok(())
}

/// Writes a file that was not there, for its owner alone. Where that fails, none is left.
pub fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let shown = path.display();
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::Usage(format!("{shown} is there already; nothing was changed"))
        }
        _ => disk(format_args!("cannot write {shown}"), &error),
    })?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // What is there is no set of keys; that the disk is at fault is what matters.
        let _ = fs::remove_file(path);
        disk(format_args!("cannot write {shown}"), &error)
    })
}
