//! One process a data directory: a lock on `<data>/expeditor.lock`.
//!
//! The operating system frees the lock when the process ends, however it ends; the file itself
//! stays and means nothing.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::Path,
};

use crate::exit::{Failure, disk};

/// The lock's file name within a data directory.
pub const LOCK_FILE: &str = "expeditor.lock";

/// Held as long as this process works on the directory.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Makes the directory where it is missing, and locks it.
    pub fn take(data: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(data)
            .map_err(|error| disk(format_args!("cannot make {}", data.display()), &error))?;
        let path = data.join(LOCK_FILE);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| disk(format_args!("cannot write {}", path.display()), &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::Usage(format!("{} is in use by another process", data.display())))
            }
            Err(TryLockError::Error(error)) => {
                Err(disk(format_args!("cannot lock {}", path.display()), &error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_on_the_directory_is_refused_until_the_first_ends() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("new");
        let first = DataLock::take(&data).unwrap();
        let refused = DataLock::take(&data).unwrap_err();
        assert_eq!(refused.status(), 2);
        assert!(refused.to_string().contains(data.to_str().unwrap()), "{refused}");
        drop(first);
        DataLock::take(&data).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_a_matter_of_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(DataLock::take(&file.join("data")).unwrap_err().status(), 3);
    }
}
