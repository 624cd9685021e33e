//! The programs of the workspace's tests: built once, as `cargo xtask test` builds them, and found by
//! what cargo says of them.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use mutants::Layer;
use serde_json::Value;

use super::layers::{self, Target, Tests};
use crate::Failure;

/// Where each program is, by its package's folder and what it is made of.
pub(super) struct Programs {
    found: HashMap<(String, String), PathBuf>,
}

impl Programs {
    /// Builds those of these layers, or finds that nothing is to be done. Each is the same as where
    /// everything is built: features are those of the workspace.
    pub(super) fn build(root: &Path, layers: &[Layer]) -> Result<Self, Failure> {
        let targets = layers.iter().flat_map(|layer| layers::of(*layer)).map(|it| it.target);
        let targets: BTreeSet<_> = targets.map(Target::arguments).collect();
        let output = Command::new("cargo")
            .args(["test", "--workspace", "--no-run"])
            .args(targets.into_iter().flatten())
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(root)
            .stderr(Stdio::inherit())
            .output();
        let output =
            output.map_err(|error| Failure::Missing(format!("cargo cannot be run: {error}")))?;
        if !output.status.success() {
            return Err(Failure::Broken("the tests do not build".to_owned()));
        }
        Ok(Self::told(root, &String::from_utf8_lossy(&output.stdout)))
    }

    /// From what cargo says, a line of JSON for each thing that was built.
    fn told(root: &Path, lines: &str) -> Self {
        let found = lines
            .lines()
            .filter_map(|line| program(root, &serde_json::from_str(line).ok()?))
            .collect();
        Self { found }
    }

    /// Where that one is.
    pub(super) fn find(&self, tests: &Tests) -> Result<&Path, Failure> {
        let key = (tests.package.to_owned(), word(tests.target));
        self.found.get(&key).map(PathBuf::as_path).ok_or_else(|| {
            Failure::Broken(format!("there is no program {} of {}", key.1, tests.package))
        })
    }
}

fn word(target: Target) -> String {
    match target {
        Target::Library => "lib".to_owned(),
        Target::Tests(name) => format!("test {name}"),
        Target::Program(name, _) => format!("bin {name}"),
    }
}

fn program(root: &Path, told: &Value) -> Option<((String, String), PathBuf)> {
    let executable = PathBuf::from(told["executable"].as_str()?);
    let package = Path::new(told["manifest_path"].as_str()?).parent()?.strip_prefix(root).ok()?;
    let (kind, name) = (told["target"]["kind"][0].as_str()?, told["target"]["name"].as_str()?);
    let tests = told["profile"]["test"].as_bool()?;
    let target = match (kind, tests) {
        ("lib", true) => word(Target::Library),
        ("test", true) => format!("test {name}"),
        ("bin", false) => format!("bin {name}"),
        _ => return None,
    };
    Some(((package.to_str()?.to_owned(), target), executable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_what_they_are_made_of() {
        let line = |kind: &str, name: &str, test: bool, executable: &str| {
            format!(
                r#"{{"manifest_path":"/r/relay/Cargo.toml","target":{{"kind":["{kind}"],
                "name":"{name}"}},"profile":{{"test":{test}}},"executable":{executable}}}"#
            )
            .replace('\n', "")
        };
        let told = [
            line("lib", "relay", false, "null"),
            line("lib", "relay", true, r#""/t/relay-1""#),
            line("test", "relay", true, r#""/t/relay-2""#),
            line("bin", "relay", false, r#""/t/relay-3""#),
            line("bin", "relay", true, r#""/t/relay-4""#),
            "   Compiling relay".to_owned(),
        ];
        let programs = Programs::told(Path::new("/r"), &told.join("\n"));
        let find = |target| {
            let tests = Tests { package: "relay", target, arguments: &[] };
            programs.find(&tests).ok().map(|path| path.to_str().unwrap().to_owned())
        };
        assert_eq!(find(Target::Library).as_deref(), Some("/t/relay-1"));
        assert_eq!(find(Target::Tests("relay")).as_deref(), Some("/t/relay-2"));
        assert_eq!(find(Target::Program("relay", "relay")).as_deref(), Some("/t/relay-3"));
        assert_eq!(find(Target::Tests("shared")), None);
    }
}
