//! What the tests need of the machine: found, installed where that is possible, or named in one
//! line. Never installs anything but the packages listed here and those of the `servers` crate.

use std::{
    env,
    process::{Command, Stdio},
};

use servers::Lacking;

use crate::Failure;

/// A program that must be in `PATH`.
struct Need {
    program: &'static str,
    /// The Debian packages that bring it.
    packages: &'static [&'static str],
    why: &'static str,
}

const NEEDS: [Need; 2] = [
    Need { program: "cc", packages: &["gcc", "libc6-dev"], why: "SQLite is compiled from C" },
    Need { program: "curl", packages: &["curl"], why: "README's walk is run as a test" },
];

/// What to do about missing programs.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Nothing,
    Install(Vec<&'static str>),
    Tell(String),
}

/// Makes sure that everything is there, or says what is not.
pub(crate) fn ensure() -> Result<(), Failure> {
    let mut lacking = servers::lacking();
    lacking.extend(servers::python_lacking());
    lacking.extend(servers::faketime_lacking());
    match plan(found, &lacking, servers::installs_packages()) {
        Plan::Nothing => {}
        Plan::Install(packages) => install(&packages)?,
        Plan::Tell(line) => return Err(Failure::Missing(line)),
    }
    for component in ["fmt", "clippy"] {
        if !answers("cargo", &[component, "--version"]) {
            return Err(Failure::Missing(missing_component(component, found("rustup"))));
        }
    }
    Ok(())
}

fn plan(found: impl Fn(&str) -> bool, lacking: &[Lacking], can_install: bool) -> Plan {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !found(need.program)).collect();
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| need.packages)
        .chain(lacking.iter().flat_map(|one| one.packages))
        .copied()
        .collect();
    if packages.is_empty() {
        Plan::Nothing
    } else if can_install {
        Plan::Install(packages)
    } else {
        let programs = missing.iter().map(|need| format!("{} ({})", need.program, need.why));
        let lacking = lacking.iter().map(|one| one.what.to_owned());
        let programs: Vec<String> = programs.chain(lacking).collect();
        Plan::Tell(format!(
            "missing: {}; on Debian: apt-get install {}",
            programs.join(", "),
            packages.join(" ")
        ))
    }
}

fn missing_component(component: &str, rustup: bool) -> String {
    if rustup {
        format!("`cargo {component}` is missing: rustup component add rustfmt clippy")
    } else {
        format!(
            "`cargo {component}` is missing, and so is rustup (https://rustup.rs), which would \
             install what rust-toolchain.toml names"
        )
    }
}

fn install(packages: &[&str]) -> Result<(), Failure> {
    println!("xtask: installing {}", packages.join(" "));
    servers::install(packages).map_err(Failure::from)
}

/// Whether a program is in `PATH`.
pub(crate) fn found(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether a program runs and ends well with these arguments.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Lacking = Lacking { what: "PostgreSQL 15 or later", packages: &["postgresql"] };

    #[test]
    fn nothing_is_done_where_nothing_is_missing() {
        assert_eq!(plan(|_| true, &[], true), Plan::Nothing);
        assert_eq!(plan(|_| true, &[], false), Plan::Nothing);
    }

    #[test]
    fn only_the_packages_of_what_is_missing_are_installed() {
        assert_eq!(
            plan(|program| program != "cc", &[], true),
            Plan::Install(vec!["gcc", "libc6-dev"])
        );
        assert_eq!(plan(|program| program != "curl", &[], true), Plan::Install(vec!["curl"]));
        assert_eq!(plan(|_| true, &[SERVER], true), Plan::Install(vec!["postgresql"]));
    }

    #[test]
    fn one_line_names_all_that_is_missing_where_nothing_can_be_installed() {
        let Plan::Tell(line) = plan(|_| false, &[SERVER], false) else {
            panic!("nothing can be installed")
        };
        assert_eq!(
            line,
            "missing: cc (SQLite is compiled from C), curl (README's walk is run as a test), \
             PostgreSQL 15 or later; on Debian: apt-get install gcc libc6-dev curl postgresql"
        );
    }

    #[test]
    fn a_missing_component_is_told_by_the_way_to_get_it() {
        assert!(missing_component("fmt", true).ends_with("rustup component add rustfmt clippy"));
        assert!(missing_component("fmt", false).contains("https://rustup.rs"));
    }
}
