//! House rules that no compiler and no lint checks, each with its reason in what it says.

use super::{
    Member, Violation,
    source::{Source, is_unit_test_file},
};

/// The most lines of a file, without its tests.
const MOST_LINES: usize = 400;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] =
    ["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"];
/// Endings of type names that say nothing either.
const EMPTY_ENDINGS: [&str; 6] = ["Manager", "Helper", "Helpers", "Util", "Utils", "Misc"];
/// What a text begins with that is SQL.
const SQL: [&str; 14] = [
    "SELECT",
    "INSERT INTO",
    "INSERT OR",
    "UPDATE",
    "DELETE FROM",
    "CREATE TABLE",
    "CREATE INDEX",
    "CREATE UNIQUE",
    "DROP TABLE",
    "ALTER TABLE",
    "PRAGMA",
    "WITH",
    "BEGIN IMMEDIATE",
    "VACUUM",
];

/// Checks every file against every rule.
pub(super) fn check(sources: &[Source]) -> Vec<Violation> {
    let rules: [fn(&Source) -> Vec<Violation>; 7] =
        [header, length, file_name, type_names, sql, ignored_tests, sleeping_tests];
    sources.iter().flat_map(|source| rules.iter().flat_map(|rule| rule(source))).collect()
}

/// Checks that no example stands where none is run.
pub(super) fn examples(members: &[Member], sources: &[Source]) -> Vec<Violation> {
    let not_run = |source: &&Source| {
        let within = |member: &Member| source.path.starts_with(&format!("{}/src/", member.folder));
        members.iter().any(|member| member.without_examples && within(member))
    };
    let what =
        "an example that is not run proves nothing: take `doctest = false` from the manifest";
    let told = |source: &Source| Some(Violation::new(&source.path, source.example?, what));
    sources.iter().filter(not_run).filter_map(told).collect()
}

fn header(source: &Source) -> Vec<Violation> {
    let missing = !source.first_line.starts_with("//!") && !source.path.ends_with("build.rs");
    let what = "begin the file with `//!`: what it is, and what it must never do";
    missing.then(|| Violation::new(&source.path, 1, what)).into_iter().collect()
}

fn length(source: &Source) -> Vec<Violation> {
    let lines = if is_unit_test_file(&source.path) {
        0
    } else if source.tests_from == 1 {
        source.code.len()
    } else {
        source.code.len().min(source.tests_from - 1)
    };
    let what = format!("{lines} lines without tests, {MOST_LINES} are the most: find the seam");
    (lines > MOST_LINES)
        .then(|| Violation::new(&source.path, MOST_LINES + 1, what))
        .into_iter()
        .collect()
}

fn file_name(source: &Source) -> Vec<Violation> {
    let named = source.path.replace("tests/common/", "").replace("tests/common.rs", "");
    let mut parts = named.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
    let empty = parts.find(|part| EMPTY_NAMES.contains(part));
    let what = |name| format!("`{name}` does not say what is inside: name the thought");
    empty.map(|name| Violation::new(&source.path, 1, what(name))).into_iter().collect()
}

fn type_names(source: &Source) -> Vec<Violation> {
    find(source, |line| {
        let words: Vec<&str> = line
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|w| !w.is_empty())
            .collect();
        let declared = words.windows(2).find(|pair| {
            matches!(pair[0], "struct" | "enum" | "trait" | "type" | "union")
                && EMPTY_ENDINGS.iter().any(|ending| pair[1].ends_with(ending))
        });
        declared.map(|pair| format!("`{}` does not say what it does: find its word", pair[1]))
    })
}

fn sql(source: &Source) -> Vec<Violation> {
    let in_db = source.path.split('/').any(|part| part == "db" || part == "db.rs");
    let is_sql = |text: &str| {
        let text = text.trim_start();
        SQL.iter().any(|verb| {
            text.strip_prefix(verb).is_some_and(|rest| rest.starts_with(char::is_whitespace))
        })
    };
    source
        .literals
        .iter()
        .filter(|literal| !in_db && !source.is_test(literal.line) && is_sql(&literal.text))
        .map(|literal| {
            let what = "SQL lives below a folder `db`: move the query there";
            Violation::new(&source.path, literal.line, what)
        })
        .collect()
}

fn ignored_tests(source: &Source) -> Vec<Violation> {
    find(source, |line| {
        let conditionally = line.contains("cfg_attr(") && line.contains(", ignore");
        (line.contains("#[ignore") || conditionally)
            .then(|| "a test that is not run protects nothing: mend it or take it out".to_owned())
    })
}

/// A pause between two looks of a loop that waits is no sleep: what ends it is not the time.
fn sleeping_tests(source: &Source) -> Vec<Violation> {
    let calls = |line: &str| {
        line.match_indices("sleep(").any(|(at, _)| {
            let before = &line[..at];
            !before.ends_with("fn ") && !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    };
    let what = "a test must not sleep: look again in a loop until it has happened, with a bound, \
                or move a manual clock";
    let lines = source.code.iter().enumerate();
    lines
        .filter(|(index, line)| source.is_test(index + 1) && calls(line))
        .filter(|(index, _)| !waits_in_a_loop(&source.code, *index))
        .map(|(index, _)| Violation::new(&source.path, index + 1, what))
        .collect()
}

/// Whether a line stands in a loop, as the indentation of formatted code tells.
fn waits_in_a_loop(code: &[String], index: usize) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut depth = indent(&code[index]);
    for line in code[..index].iter().rev().filter(|line| !line.trim().is_empty()) {
        if indent(line) >= depth {
            continue;
        }
        depth = indent(line);
        let opener = line.trim_start();
        if ["while ", "loop ", "for _ in "].iter().any(|word| opener.starts_with(word)) {
            return true;
        }
        if opener.contains("fn ") {
            return false;
        }
    }
    false
}

/// Looks at each line of the code.
fn find(source: &Source, look: impl Fn(&str) -> Option<String>) -> Vec<Violation> {
    let lines = source.code.iter().enumerate();
    lines
        .filter_map(|(index, line)| Some(Violation::new(&source.path, index + 1, look(line)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&[Source::new(path, text)]).iter().map(ToString::to_string).collect()
    }

    fn check_passes(path: &str, text: &str) {
        assert_eq!(found(path, text), [""; 0], "{path}: {text}");
    }

    fn check_fails(path: &str, text: &str, line: usize, part: &str) {
        let found = found(path, text);
        let place = format!("{path}:{line}: ");
        assert!(
            found.len() == 1 && found[0].starts_with(&place) && found[0].contains(part),
            "{path}: {text}: {found:?}"
        );
    }

    #[test]
    fn every_file_begins_by_saying_what_it_is() {
        check_passes("relay/src/lib.rs", "//! The relay.\n");
        check_passes("relay/build.rs", "fn main() {}\n");
        check_fails("relay/src/lib.rs", "// The relay.\n", 1, "`//!`");
        check_fails("tests/tests/walk.rs", "\n//! The walk.\n", 1, "`//!`");
        check_fails("relay/src/lib.rs", "", 1, "`//!`");
    }

    #[test]
    fn a_file_is_one_thought() {
        let lines = |count: usize| format!("//! Long.\n{}", "fn a() {}\n".repeat(count - 1));
        let tests = "#[cfg(test)]\nmod tests {\n}\n".to_owned() + &"// more\n".repeat(500);
        check_passes("relay/src/lib.rs", &lines(400));
        check_passes("relay/src/lib.rs", &(lines(400) + &tests));
        check_passes("relay/src/tests.rs", &lines(500));
        check_fails("relay/src/lib.rs", &lines(401), 401, "401 lines");
        check_fails("relay/src/lib.rs", &(lines(402) + &tests), 401, "402 lines");
        check_fails("tests/tests/walk.rs", &lines(401), 401, "401 lines");
    }

    #[test]
    fn names_say_what_is_inside() {
        check_passes("tests/common/mod.rs", "//! Shared.\n");
        check_passes("relay/src/commonplace.rs", "//! Some.\n");
        check_fails("relay/src/utils.rs", "//! Some.\n", 1, "`utils`");
        check_fails("relay/src/helpers/time.rs", "//! Some.\n", 1, "`helpers`");
        check_passes("relay/src/lib.rs", "//! A Manager.\nuse pool::ConnectionManager;\n");
        check_fails(
            "relay/src/lib.rs",
            "//! Some.\npub struct LeaseManager<T> {",
            2,
            "LeaseManager",
        );
        check_fails("relay/src/lib.rs", "//! Some.\n\ntrait OrderHelper {}", 3, "OrderHelper");
    }

    #[test]
    fn sql_lives_under_db() {
        let query = "//! Some.\nfn a() {\n    run(\"\n SELECT 1\");\n}\n";
        check_passes("runtime/src/db/sqlite/read.rs", query);
        check_passes("cook/src/db.rs", query);
        check_fails("runtime/src/path/batch.rs", query, 3, "SQL");
        check_passes("runtime/src/path/batch.rs", "//! Some.\nconst A: &str = \"SELECTED\";\n");
        check_passes("runtime/src/path/batch.rs", "//! Some.\n// \"SELECT 1\"\n");
        let test = format!("//! Some.\n#[cfg(test)]\nmod tests {{\n{}}}\n", &query[10..]);
        check_passes("runtime/src/path/batch.rs", &test);
    }

    #[test]
    fn every_test_is_run() {
        check_fails("relay/src/lib.rs", "//! Some.\n#[ignore]\nfn a() {}\n", 2, "not run");
        check_fails("relay/src/lib.rs", "//! Some.\n#[ignore = \"slow\"]\n", 2, "not run");
        check_fails("relay/src/lib.rs", "//! Some.\n#[cfg_attr(unix, ignore)]\n", 2, "not run");
        check_passes("relay/src/lib.rs", "//! Some.\n// #[ignore] is not used\n");
    }

    #[test]
    fn tests_do_not_sleep() {
        let body = "//! Some.\nfn a() {\n    tokio::time::sleep(b);\n}\n";
        check_passes("relay/src/lib.rs", body);
        check_fails("tests/tests/walk.rs", body, 3, "must not sleep");
        check_fails("relay/src/tests.rs", "//! Some.\nfn a() { clock.sleep(b); }\n", 2, "sleep");
        check_passes("relay/src/tests.rs", "//! Some.\nasync fn sleep(&self) {}\n");
        check_passes("relay/src/tests.rs", "//! Some.\nfn a() { count_sleep(); }\n");
        let waiting = "//! Some.\nfn a() {\n    while !done() {\n        select! {\n            \
                       () = sleep(b) => {}\n        }\n    }\n}\n";
        check_passes("relay/src/tests.rs", waiting);
        let after = waiting.replace("    }\n}\n", "    }\n    sleep(b);\n}\n");
        check_fails("relay/src/tests.rs", &after, 8, "must not sleep");
    }

    #[test]
    fn an_example_stands_only_where_it_is_run() {
        let source = |path: &str| Source::new(path, "//! Some.\n    /// ```\n    /// x();\n");
        let sources = [source("a/src/lib.rs"), source("b/src/x.rs"), source("a/tests/t.rs")];
        let member = |folder: &str, without_examples| Member {
            name: folder.to_owned(),
            folder: folder.to_owned(),
            description: String::new(),
            without_examples,
            dependencies: Vec::new(),
        };
        let found = examples(&[member("a", true), member("b", false)], &sources);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(matches!(&found[..], [one] if one.starts_with("a/src/lib.rs:2: ")), "{found:?}");
    }
}
