//! `cargo xtask codemap`: the project's rules as code. What people are asked to keep to and no
//! compiler checks is checked here; each breach is one line that says where and what to do.

use std::{fmt, fs, io, path::Path, process::Command};

use serde_json::{Value, json};

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
    /// The examples in its docs are not run.
    without_examples: bool,
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
    violations.extend(rules::examples(&members, &sources));
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

/// The members of the workspace, as `cargo metadata` tells them.
fn members(root: &Path) -> Result<Vec<Member>, Failure> {
    let broken = |reason: String| Failure::Broken(format!("cargo metadata: {reason}"));
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .map_err(|error| broken(error.to_string()))?;
    if !output.status.success() {
        return Err(broken(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| broken(error.to_string()))?;
    let workspace = Path::new(text(&metadata["workspace_root"]));
    let packages = list(&metadata["packages"]).iter().map(|package| Member {
        name: text(&package["name"]).to_owned(),
        folder: Path::new(text(&package["manifest_path"]))
            .parent()
            .and_then(|folder| folder.strip_prefix(workspace).ok())
            .map_or_else(String::new, |folder| folder.display().to_string()),
        description: text(&package["description"]).to_owned(),
        without_examples: list(&package["targets"])
            .iter()
            .any(|target| target["kind"] == json!(["lib"]) && target["doctest"] == false),
        dependencies: list(&package["dependencies"])
            .iter()
            .map(|dependency| Dependency {
                name: text(&dependency["name"]).to_owned(),
                dev: dependency["kind"] == "dev",
                ours: dependency["path"].is_string(),
                default_features: dependency["uses_default_features"] != false,
            })
            .collect(),
    });
    Ok(packages.collect())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
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
    fn members_are_read_from_their_manifests() {
        let tree = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            fs::create_dir_all(tree.path().join(path).join("src")).unwrap();
            fs::write(tree.path().join(path).join("src/lib.rs"), "//! Some.\n").unwrap();
            fs::write(tree.path().join(path).join("Cargo.toml"), text).unwrap();
        };
        let engine = "[package]\nname = \"saga\"\ndescription = \"The engine\"\n\
                      [lib]\ndoctest = false\n";
        write("crates/saga", engine);
        write(
            "cook",
            "[package]\nname = \"cook\"\n[dev-dependencies]\nsaga = { path = \"../crates/saga\" }\n\
             [dependencies]\nserde = { version = \"1\", default-features = false }\n",
        );
        let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/saga\", \"cook\"]\n";
        fs::write(tree.path().join("Cargo.toml"), workspace).unwrap();

        let mut members = members(tree.path()).unwrap();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let [cook, saga] = &members[..] else { panic!("{members:?}") };
        assert_eq!(
            (saga.folder.as_str(), saga.description.as_str()),
            ("crates/saga", "The engine")
        );
        assert_eq!((cook.folder.as_str(), cook.description.as_str()), ("cook", ""));
        assert!(saga.without_examples && !cook.without_examples);
        let mut uses: Vec<(&str, bool, bool, bool)> = cook
            .dependencies
            .iter()
            .map(|d| (d.name.as_str(), d.dev, d.ours, d.default_features))
            .collect();
        uses.sort_unstable();
        assert_eq!(uses, [("saga", true, true, true), ("serde", false, false, false)]);
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
