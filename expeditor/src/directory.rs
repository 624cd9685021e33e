//! Whether a data directory is whole: a database for every service, or none yet. A missing one
//! would be made anew, empty, beside the others, which refer to what it held; so a directory that
//! was restored in part is refused. Opens and changes no database.

use std::{
    fs,
    path::{Path, PathBuf},
};

use contracts::ServiceName;

use crate::{
    exit::{Failure, disk},
    system::database_path,
};

/// Lies in the directory while its databases are being made: a crash in between leaves some of
/// them, all empty, and that is no incomplete restore.
pub const MAKING: &str = "expeditor.making";

/// Databases that are being made.
#[derive(Debug)]
pub struct Making {
    data: PathBuf,
}

/// Refuses a directory that holds some of the databases, and names the first that it lacks.
pub fn refuse_incomplete(data: &Path) -> Result<(), Failure> {
    let (there, missing) = sort(data);
    // What a read model holds can be made again, and nobody refers to what another subscriber does: a
    // directory from before there was one has none.
    let missing: Vec<_> = missing.into_iter().filter(|path| !is_subscribers(path)).collect();
    match (there.first(), missing.first()) {
        (Some(there), Some(missing)) if !data.join(MAKING).exists() => {
            Err(Failure::Usage(format!(
                "{} is missing while {} is there: is this an incomplete restore? Nothing was changed",
                missing.display(),
                there.display()
            )))
        }
        _ => Ok(()),
    }
}

impl Making {
    /// Before databases are opened or made, with the directory locked.
    pub fn begin(data: &Path) -> Result<Self, Failure> {
        refuse_incomplete(data)?;
        let (_, missing) = sort(data);
        if !missing.is_empty() {
            let mark = data.join(MAKING);
            fs::write(&mark, "")
                .map_err(|error| disk(format_args!("cannot write {}", mark.display()), &error))?;
        }
        Ok(Self { data: data.to_owned() })
    }

    /// They are open, or made.
    pub fn end(self) -> Result<(), Failure> {
        let (_, missing) = sort(&self.data);
        let mark = self.data.join(MAKING);
        if !missing.is_empty() || !mark.exists() {
            return Ok(());
        }
        fs::remove_file(&mark)
            .map_err(|error| disk(format_args!("cannot remove {}", mark.display()), &error))
    }
}

fn is_subscribers(path: &Path) -> bool {
    let name = path.file_stem().and_then(|name| name.to_str());
    name.and_then(ServiceName::parse).is_some_and(ServiceName::is_subscriber)
}

/// The databases that are there, and those that are not.
fn sort(data: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let paths = ServiceName::ALL.into_iter().map(|service| database_path(data, service));
    paths.partition(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(data: &Path, service: ServiceName) {
        fs::write(database_path(data, service), "").unwrap();
    }

    #[test]
    fn all_or_none_is_whole_and_some_is_not() {
        let dir = tempfile::tempdir().unwrap();
        refuse_incomplete(dir.path()).unwrap();
        for service in ServiceName::ALL.into_iter().filter(|it| *it != ServiceName::Cook) {
            put(dir.path(), service);
        }
        for refused in [refuse_incomplete(dir.path()), Making::begin(dir.path()).map(|_| ())] {
            let failure = refused.unwrap_err();
            assert_eq!(failure.status(), 2);
            assert!(failure.to_string().contains("cook.db is missing"), "{failure}");
        }
        put(dir.path(), ServiceName::Cook);
        refuse_incomplete(dir.path()).unwrap();
    }

    #[test]
    fn what_can_be_made_again_need_not_be_restored() {
        let dir = tempfile::tempdir().unwrap();
        for service in ServiceName::ALL.into_iter().filter(|it| !it.is_subscriber()) {
            put(dir.path(), service);
        }
        refuse_incomplete(dir.path()).unwrap();
        fs::remove_file(database_path(dir.path(), ServiceName::Cook)).unwrap();
        put(dir.path(), ServiceName::Mypage);
        assert!(refuse_incomplete(dir.path()).is_err());
    }

    #[test]
    fn what_a_crash_left_of_the_first_start_is_made_to_the_end() {
        let dir = tempfile::tempdir().unwrap();
        drop(Making::begin(dir.path()).unwrap());
        put(dir.path(), ServiceName::Orchestrator);
        let making = Making::begin(dir.path()).unwrap();
        for service in ServiceName::ALL {
            put(dir.path(), service);
        }
        making.end().unwrap();
        assert!(!dir.path().join(MAKING).exists());
        fs::remove_file(database_path(dir.path(), ServiceName::Store)).unwrap();
        assert!(refuse_incomplete(dir.path()).is_err(), "made once, it is whole or refused");
    }
}
