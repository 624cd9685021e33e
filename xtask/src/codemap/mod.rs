//! `cargo xtask codemap`: the project's rules as code. What people are asked to keep to and no
//! compiler checks is checked here; each breach is one line that says where and what to do.

use std::{fmt, fs, io, path::Path};

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::Failure;

mod dependencies;
mod disk;
mod links;
mod rules;
mod source;
mod tree;

/// A rule that is broken somewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// The file, from the root, with `/`.
    path: String,
    /// Its line, from 1.
    line: usize,
    /// What is wrong and what to do.
    what: String,
}

impl Violation {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// A member of the workspace, as its manifest tells it.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    /// Its folder, from the root.
    folder: String,
    description: String,
    dependencies: Vec<Dependency>,
}

/// A dependency of a member.
#[derive(Clone, Debug)]
struct Dependency {
    name: String,
    /// Only its tests use it.
    dev: bool,
    /// It is a crate of this workspace.
    ours: bool,
    default_features: bool,
}

/// Checks everything; prints each breach. Answers the closing line.
pub(crate) fn run(root: &Path) -> Result<String, Failure> {
    let members = members(root)?;
    let unreadable = |error: io::Error| Failure::Broken(format!("cannot read the tree: {error}"));
    let sources = disk::sources(root).map_err(unreadable)?;
    let mut violations = dependencies::check(&members, |member, name| {
        line_of(&root.join(&member.folder).join("Cargo.toml"), name)
    });
    violations.extend(tree::check(root, &members).map_err(unreadable)?);
    violations.extend(links::check(root).map_err(unreadable)?);
    violations.extend(rules::check(&sources));
    violations.sort();
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => Ok(format!(
            "the code map holds: {} crates, {} Rust files",
            members.len(),
            sources.len()
        )),
        count => Err(Failure::Broken(format!("the code map is broken in {count} places"))),
    }
}

fn members(root: &Path) -> Result<Vec<Member>, Failure> {
    let metadata = MetadataCommand::new()
        .current_dir(root)
        .no_deps()
        .exec()
        .map_err(|error| Failure::Broken(format!("cargo metadata: {error}")))?;
    let workspace = &metadata.workspace_root;
    let packages = metadata.packages.iter().map(|package| Member {
        name: package.name.to_string(),
        folder: package
            .manifest_path
            .parent()
            .and_then(|folder| folder.strip_prefix(workspace).ok())
            .map_or_else(String::new, ToString::to_string),
        description: package.description.clone().unwrap_or_default(),
        dependencies: package
            .dependencies
            .iter()
            .map(|dependency| Dependency {
                name: dependency.name.clone(),
                dev: dependency.kind == DependencyKind::Development,
                ours: dependency.path.is_some(),
                default_features: dependency.uses_default_features,
            })
            .collect(),
    });
    Ok(packages.collect())
}

/// The line of a manifest that names a dependency; 1 where none does.
fn line_of(manifest: &Path, name: &str) -> usize {
    let text = fs::read_to_string(manifest).unwrap_or_default();
    let names = |line: &str| {
        let rest = line.trim_start().strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    text.lines().position(names).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_is_one_line_that_editors_can_follow() {
        let violation = Violation::new("relay/src/lib.rs", 7, "too long");
        assert_eq!(violation.to_string(), "relay/src/lib.rs:7: too long");
    }

    #[test]
    fn a_dependency_is_found_on_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("Cargo.toml");
        fs::write(&manifest, "[dependencies]\nsaga-old = \"1\"\nsaga.workspace = true\n").unwrap();
        assert_eq!(line_of(&manifest, "saga"), 3);
        assert_eq!(line_of(&manifest, "cook"), 1);
    }
}
