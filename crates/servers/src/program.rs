//! Where the servers' programs lie on this machine. Only finds; runs and installs nothing.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::{Kind, container};

/// What a server is run by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The programs in this directory.
    Binaries(PathBuf),
    /// A container engine.
    Engine,
}

/// The oldest versions that will do.
const POSTGRES: [u32; 2] = [15, 0];
const RABBITMQ: [u32; 2] = [3, 10];

/// What this machine has for a kind of server: binaries before an engine.
pub(crate) fn find(kind: Kind) -> Option<Program> {
    binaries(kind)
        .map(Program::Binaries)
        .or_else(|| container::engine_answers().then_some(Program::Engine))
}

/// The directory with the newest binaries that are new enough.
pub(crate) fn binaries(kind: Kind) -> Option<PathBuf> {
    let (mut candidates, oldest) = match kind {
        Kind::Postgres => {
            let mut found = versions(Path::new("/usr/lib/postgresql"), "", "bin");
            found.extend(versions(Path::new("/usr"), "pgsql-", "bin"));
            found.retain(|(_, path)| path.join("initdb").is_file());
            (found, POSTGRES)
        }
        // Not the wrapper in PATH that Debian brings: it insists on the system's own directories.
        Kind::RabbitMq => {
            let parent = Path::new("/usr/lib/rabbitmq/lib");
            let mut found = versions(parent, "rabbitmq_server-", "sbin");
            found.retain(|(_, path)| path.join("rabbitmq-server").is_file());
            (found, RABBITMQ)
        }
    };
    candidates.retain(|(version, _)| *version >= oldest);
    candidates.sort();
    candidates.pop().map(|(_, path)| path).or_else(|| beside(kind))
}

/// The subdirectories `<prefix><version>/<folder>`, with their versions.
fn versions(parent: &Path, prefix: &str, folder: &str) -> Vec<([u32; 2], PathBuf)> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((version(name.strip_prefix(prefix)?)?, entry.path().join(folder)))
        })
        .collect()
}

fn version(text: &str) -> Option<[u32; 2]> {
    let mut numbers = text.split('.').map(str::parse);
    Some([numbers.next()?.ok()?, numbers.next().and_then(Result::ok).unwrap_or(0)])
}

/// Where a program in PATH really lies, if all that belongs to it lies there too.
fn beside(kind: Kind) -> Option<PathBuf> {
    let (program, companion) = match kind {
        Kind::Postgres => ("postgres", "initdb"),
        Kind::RabbitMq => ("rabbitmq-server", "rabbitmq-env"),
    };
    let real = fs::canonicalize(in_path(program)?).ok()?;
    let folder = real.parent()?;
    folder.join(companion).is_file().then(|| folder.to_owned())
}

/// A program in PATH.
pub(crate) fn in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        let cases = [("15", Some([15, 0])), ("3.10.8", Some([3, 10])), ("4.1.0", Some([4, 1]))];
        for (text, expected) in cases {
            assert_eq!(version(text), expected, "{text}");
        }
        assert_eq!(version("data"), None);
        assert!(version("3.9.27").unwrap() < RABBITMQ && version("3.10.0").unwrap() >= RABBITMQ);
    }

    #[test]
    fn versions_are_read_from_the_names_of_directories() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["rabbitmq_server-3.9.1", "rabbitmq_server-3.10.8", "plugins"] {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        let mut found = versions(parent.path(), "rabbitmq_server-", "sbin");
        found.sort();
        let newest = parent.path().join("rabbitmq_server-3.10.8/sbin");
        assert_eq!(found.len(), 2);
        assert_eq!(found[1], ([3, 10], newest));
    }
}
