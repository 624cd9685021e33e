//! The tree drawn in ARCHITECTURE.md against the disk, both ways: what is drawn exists, and on
//! every level that is drawn, what exists is drawn. A crate is described as its manifest does.

use std::{fs, io, path::Path};

use super::{Member, Violation, disk};

const PAGE: &str = "ARCHITECTURE.md";
/// The tree is the first fenced block below this heading.
const HEADING: &str = "## Code map";

/// One line of the drawing.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    line: usize,
    /// From the root; a folder's ends with `/`.
    path: String,
    description: String,
}

/// Checks the drawing.
pub(super) fn check(root: &Path, members: &[Member]) -> io::Result<Vec<Violation>> {
    let page = fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    let entries = parse(&page);
    if entries.is_empty() {
        let what = format!("draw the tree in a fenced block below `{HEADING}`");
        return Ok(vec![Violation::new(PAGE, 1, what)]);
    }
    let mut violations = Vec::new();
    for entry in &entries {
        violations.extend(described_wrongly(entry, members));
        let path = root.join(&entry.path);
        if !if entry.path.ends_with('/') { path.is_dir() } else { path.is_file() } {
            let what = format!("`{}` is in the map and not on disk: take it out", entry.path);
            violations.push(Violation::new(PAGE, entry.line, what));
        }
    }
    for (folder, line) in levels(&entries) {
        if !folder.is_empty() && !root.join(&folder).is_dir() {
            continue; // told above
        }
        for name in disk::entries(root, &folder)? {
            let path = format!("{folder}{name}");
            if !entries.iter().any(|entry| entry.path == path) {
                let what = format!("`{path}` is on disk and not in the map: draw it");
                violations.push(Violation::new(PAGE, line, what));
            }
        }
    }
    for member in members {
        let folder = format!("{}/", member.folder);
        if !entries.iter().any(|entry| entry.path == folder) {
            let what = format!("the crate `{}` is not in the map: draw `{folder}`", member.name);
            violations.push(Violation::new(PAGE, entries[0].line, what));
        }
    }
    Ok(violations)
}

/// The folders of which something is drawn, with the line to blame: the root and each parent.
fn levels(entries: &[Entry]) -> Vec<(String, usize)> {
    let mut levels = vec![(String::new(), entries[0].line)];
    for entry in entries.iter().filter(|entry| entry.path.ends_with('/')) {
        let inside = |other: &Entry| {
            other.path.len() > entry.path.len() && other.path.starts_with(&entry.path)
        };
        if entries.iter().any(inside) {
            levels.push((entry.path.clone(), entry.line));
        }
    }
    levels
}

fn described_wrongly(entry: &Entry, members: &[Member]) -> Option<Violation> {
    let member = members.iter().find(|member| format!("{}/", member.folder) == entry.path)?;
    if member.description.is_empty() {
        let manifest = format!("{}/Cargo.toml", member.folder);
        let what = "the description is empty: say in a few words what the crate is";
        return Some(Violation::new(&manifest, 1, what));
    }
    (member.description != entry.description).then(|| {
        let what = format!(
            "`{}` is described otherwise in its manifest: write \"{}\"",
            entry.path, member.description
        );
        Violation::new(PAGE, entry.line, what)
    })
}

/// Reads the drawing: two blanks a level, the name, two blanks or more, the description.
fn parse(page: &str) -> Vec<Entry> {
    let mut lines = page.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.by_ref().find(|(_, line)| *line == HEADING);
    lines.by_ref().find(|(_, line)| line.starts_with("```"));
    let mut parents: Vec<String> = Vec::new();
    let mut entries = Vec::new();
    for (line, text) in lines.take_while(|(_, line)| !line.starts_with("```")) {
        let drawn = text.trim_start();
        let (name, description) = drawn.split_once("  ").unwrap_or((drawn, ""));
        if name.is_empty() {
            continue;
        }
        parents.truncate((text.len() - drawn.len()) / 2);
        let path = parents.concat() + name;
        if name.ends_with('/') {
            parents.push(name.to_owned());
        }
        entries.push(Entry { line, path, description: description.trim().to_owned() });
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "# Some\n\n## Code map\n\n```text\n\
                       ARCHITECTURE.md   this page\n\
                       crates/           what services are made of\n  \
                         saga/           The engine\n\
                       relay/            Outbox to broker\n```\n";

    fn member(folder: &str, description: &str) -> Member {
        Member {
            name: folder.rsplit('/').next().unwrap().to_owned(),
            folder: folder.to_owned(),
            description: description.to_owned(),
            without_examples: false,
            dependencies: Vec::new(),
        }
    }

    fn check_map(map: &str, folders: &[&str], members: &[Member]) -> Vec<String> {
        let tree = tempfile::tempdir().unwrap();
        fs::write(tree.path().join(PAGE), map).unwrap();
        for folder in folders {
            fs::create_dir_all(tree.path().join(folder)).unwrap();
        }
        let found = check(tree.path(), members).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_drawing_that_is_true_passes() {
        let members = [member("crates/saga", "The engine"), member("relay", "Outbox to broker")];
        assert_eq!(check_map(MAP, &["crates/saga/src", "relay/src"], &members), [""; 0]);
    }

    #[test]
    fn each_difference_is_named() {
        let cases: [(&str, &[&str], Member, &[&str]); 5] = [
            (
                "drawn, not there",
                &["crates/saga"],
                member("crates/saga", "The engine"),
                &["ARCHITECTURE.md:9: `relay/` is in the map and not on disk: take it out"],
            ),
            (
                "there, not drawn",
                &["crates/saga", "crates/extra", "relay", "more"],
                member("crates/saga", "The engine"),
                &[
                    "ARCHITECTURE.md:6: `more/` is on disk and not in the map: draw it",
                    "ARCHITECTURE.md:7: `crates/extra/` is on disk and not in the map: draw it",
                ],
            ),
            (
                "a crate below a level that is not drawn",
                &["crates/saga", "relay/deep"],
                member("relay/deep", "Deep"),
                &["ARCHITECTURE.md:6: the crate `deep` is not in the map: draw `relay/deep/`"],
            ),
            (
                "described otherwise",
                &["crates/saga", "relay"],
                member("relay", "Takes messages out"),
                &["ARCHITECTURE.md:9: `relay/` is described otherwise in its manifest: \
                   write \"Takes messages out\""],
            ),
            (
                "not described",
                &["crates/saga", "relay"],
                member("relay", ""),
                &["relay/Cargo.toml:1: the description is empty: say in a few words what the \
                   crate is"],
            ),
        ];
        for (case, folders, member, expected) in cases {
            assert_eq!(check_map(MAP, folders, &[member]), expected, "{case}");
        }
    }

    #[test]
    fn a_page_without_a_drawing_is_told_to_get_one() {
        let found = check_map("# Some\n\n```text\nrelay/\n```\n", &["relay"], &[]);
        assert_eq!(
            found,
            ["ARCHITECTURE.md:1: draw the tree in a fenced block below `## Code map`"]
        );
    }
}
