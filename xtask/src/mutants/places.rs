//! Where in the sources each mutant is. That a name in the sources is in the catalogue shows when they
//! are compiled; that each of the catalogue is in the sources is looked at here.

use std::{collections::BTreeMap, fs, io, path::Path};

/// Where code is that is shipped.
const SHIPPED: [&str; 6] = [
    "crates/saga/src",
    "crates/runtime/src",
    "orchestrator/src",
    "participants",
    "subscribers",
    "relay/src",
];

/// By name, the places at which a mutant stands: `relay/src/pump.rs:203`.
pub(super) fn places(root: &Path) -> io::Result<BTreeMap<String, Vec<String>>> {
    let mut places = BTreeMap::new();
    for folder in SHIPPED {
        visit(root, Path::new(folder), &mut places)?;
    }
    Ok(places)
}

fn visit(root: &Path, folder: &Path, places: &mut BTreeMap<String, Vec<String>>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            visit(root, &path, places)?;
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(root.join(&path))?;
            for (name, line) in named(&text) {
                let place = format!("{}:{line}", path.display());
                places.entry(name).or_default().push(place);
            }
        }
    }
    Ok(())
}

/// The mutants that a source names, each with its line.
fn named(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        for part in text.split("mutant!(\"").skip(1) {
            found.extend(part.split_once('"').map(|(name, _)| (name.to_owned(), line)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_searched_line_by_line() {
        let text = "a\nif mutant!(\"one\") || mutant!(\"two\") {}\nmutant!(\"one\")";
        let expected = [("one", 2), ("two", 2), ("one", 3)];
        assert_eq!(named(text), expected.map(|(name, line)| (name.to_owned(), line)));
    }

    #[test]
    fn each_mutant_of_the_catalogue_is_somewhere_in_what_is_shipped() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let places = places(root).unwrap();
        let known: Vec<&str> = mutants::all().map(|mutant| mutant.name).collect();
        let nowhere: Vec<_> = known.iter().filter(|name| !places.contains_key(**name)).collect();
        assert_eq!(nowhere, [&""; 0], "take them out of the catalogue");
        assert!(places.keys().all(|name| known.contains(&name.as_str())));
        for mutant in mutants::all() {
            assert!(!mutant.caught_by.is_empty(), "{} is to be caught by nobody", mutant.name);
            assert!(mutant.caught_by.is_sorted(), "{}: cheap layers come first", mutant.name);
        }
        let mut once = known.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), known.len(), "a name is given twice");
    }
}
