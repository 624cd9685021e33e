//! Where the demo keeps its files: in a directory that goes when all is well, or in one that was
//! given to it.

use std::path::{Path, PathBuf};

use contracts::ServiceName;
use tempfile::TempDir;

use crate::{
    directory,
    exit::{Failure, disk},
    system,
};

/// Where the demo keeps its data.
pub(super) enum Home {
    /// Removed when all is well.
    Temporary(TempDir),
    /// Named by the user, and kept.
    Given(PathBuf),
}

impl Home {
    pub(super) fn choose(data: Option<PathBuf>) -> Result<Self, Failure> {
        let Some(data) = data else {
            let dir = tempfile::Builder::new().prefix("expeditor-demo-").tempdir();
            return dir
                .map(Self::Temporary)
                .map_err(|error| disk("cannot make a temporary directory", &error));
        };
        directory::refuse_incomplete(&data)?;
        // Its deadlines are seconds, its people know nothing of orders that are there already.
        let used = ServiceName::ALL
            .into_iter()
            .any(|service| system::database_path(&data, service).exists());
        if used {
            return Err(Failure::Usage(format!(
                "{} holds the data of an earlier run; the demo wants a directory without any",
                data.display()
            )));
        }
        Ok(Self::Given(data))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Temporary(dir) => dir.path(),
            Self::Given(path) => path,
        }
    }

    /// Removes what nobody needs; what may tell why something failed is kept, and named.
    pub(super) fn leave(self, result: Result<(), Failure>, what: &str) -> Result<(), Failure> {
        let Err(failure) = result else { return Ok(()) };
        let kept = match self {
            Self::Temporary(dir) => dir.keep(),
            Self::Given(path) => path,
        };
        let named = |text: String| {
            if kept.is_dir() { format!("{text} ({what} kept in {})", kept.display()) } else { text }
        };
        Err(match failure {
            Failure::No(text) => Failure::No(named(text)),
            Failure::Usage(text) => Failure::Usage(text),
            Failure::Environment(text) => Failure::Environment(named(text)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_kept_and_named_where_something_failed_only() {
        let home = Home::choose(None).unwrap();
        let path = home.path().to_owned();
        home.leave(Ok(()), "the data is").unwrap();
        assert!(!path.exists());

        let home = Home::choose(None).unwrap();
        let path = home.path().to_owned();
        let failure =
            home.leave(Err(Failure::No("one violation".into())), "the data is").unwrap_err();
        assert!(path.exists());
        assert!(failure.to_string().contains(path.to_str().unwrap()), "{failure}");
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_directory_with_data_of_an_earlier_run_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Home::choose(Some(dir.path().to_owned())).is_ok());
        for (services, says) in [(1, "payment.db is missing"), (5, "an earlier run")] {
            for service in ServiceName::ALL.into_iter().take(services) {
                std::fs::write(system::database_path(dir.path(), service), "").unwrap();
            }
            let Err(failure) = Home::choose(Some(dir.path().to_owned())) else {
                panic!("it holds data");
            };
            assert_eq!(failure.status(), 2);
            assert!(failure.to_string().contains(says), "{failure}");
        }
    }
}
