//! Where a run keeps its files: a directory of its own on the disk that is measured, removed when
//! it ends, however it ends.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::exit::{Failure, disk};

/// A new directory within that one (or within the system's for temporary files).
pub fn make(within: Option<&Path>) -> Result<TempDir, Failure> {
    let within = within.map_or_else(std::env::temp_dir, Path::to_owned);
    fs::create_dir_all(&within)
        .map_err(|error| disk(format_args!("cannot make {}", within.display()), &error))?;
    tempfile::Builder::new()
        .prefix("expeditor-bench-")
        .tempdir_in(&within)
        .map_err(|error| disk(format_args!("cannot write to {}", within.display()), &error))
}

/// How many bytes the databases in a directory take.
pub fn database_bytes(directory: &Path) -> Result<u64, Failure> {
    let is_database = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains(".db"))
    };
    let sum = || -> io::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if is_database(&entry.path()) {
                bytes += entry.metadata()?.len();
            }
        }
        Ok(bytes)
    };
    sum().map_err(|error| disk(directory.display(), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_leaves_nothing_behind_and_counts_databases_only() {
        let home = tempfile::tempdir().unwrap();
        let within = home.path().join("new");
        let place = make(Some(&within)).unwrap();
        for (name, bytes) in [("store.db", 5), ("store.db-wal", 7), ("expeditor.lock", 100)] {
            fs::write(place.path().join(name), vec![0; bytes]).unwrap();
        }
        assert_eq!(database_bytes(place.path()).unwrap(), 12);
        drop(place);
        assert_eq!(fs::read_dir(&within).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        let failure = make(Some(&file.join("within"))).unwrap_err();
        assert_eq!(failure.status(), 3);
        assert!(failure.to_string().contains("within"), "{failure}");
    }
}
