//! The library that gives one process another wall clock: found, and installed where that can be
//! done.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Error, Lacking};

const LACKING: Lacking =
    Lacking { what: "libfaketime (a test moves a clock)", packages: &["libfaketime"] };
/// Where the system's libraries lie, directly or in a folder for each kind of machine.
const LIBRARIES: [&str; 3] = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];
/// For processes with threads.
const FILE: &str = "faketime/libfaketimeMT.so.1";

/// What this machine lacks of it, if anything.
pub fn faketime_lacking() -> Option<Lacking> {
    find().is_none().then_some(LACKING)
}

/// The library's file; it is installed if it must be and can be. Loaded before all others
/// (`LD_PRELOAD`), it takes the clock from `FAKETIME`.
pub fn faketime() -> Result<PathBuf, Error> {
    LACKING.found_or_installed(find)
}

fn find() -> Option<PathBuf> {
    LIBRARIES.iter().find_map(|folder| below(Path::new(folder)))
}

fn below(folder: &Path) -> Option<PathBuf> {
    let inside = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = std::iter::once(folder.to_owned()).chain(inside);
    folders.map(|folder| folder.join(FILE)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_in_the_folder_of_a_kind_of_machine() {
        let libraries = tempfile::tempdir().unwrap();
        assert_eq!(below(libraries.path()), None);
        let file = libraries.path().join("some-machine").join(FILE);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        assert_eq!(below(libraries.path()), Some(file));
    }
}
