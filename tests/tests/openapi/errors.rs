//! `docs/errors.md` held against the slugs that there are.

use std::{collections::BTreeSet, fs, path::Path};

use contracts::{Cause, errors::meaning};

use crate::{
    document::whole,
    schemas::{list, visit},
};

/// Slugs that stand with no route: of an answer where there is none, and of operators' actions, which
/// no route takes yet.
const OF_NO_ROUTE: [&str; 2] = ["method-not-allowed", "unsafe-action"];

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    fs::read_to_string(path).unwrap()
}

/// The headings of a chapter's sections.
fn sections(chapter: &str) -> Vec<String> {
    let page = page();
    let chapter = page.split("\n## ").find(|it| it.starts_with(chapter)).unwrap().to_owned();
    let titles = chapter.split("\n### ").skip(1).map(|it| it.lines().next().unwrap().to_owned());
    titles.collect()
}

/// The slugs of problems that routes may answer, with their statuses.
fn problems() -> BTreeSet<(u64, String)> {
    let mut problems = BTreeSet::new();
    visit(&whole(), &mut |object| {
        let Some(kinds) = object.get("type").and_then(|it| it.get("enum")) else { return };
        let status = object["status"]["const"].as_u64().unwrap();
        for kind in list(kinds) {
            let slug = kind.as_str().unwrap().strip_prefix("/problems/").unwrap();
            problems.insert((status, slug.to_owned()));
        }
    });
    problems
}

#[test]
fn every_problem_has_its_section_and_none_more() {
    let mut slugs: Vec<String> = problems().into_iter().map(|(_, slug)| slug).collect();
    slugs.extend(OF_NO_ROUTE.map(str::to_owned));
    slugs.sort_unstable();
    slugs.dedup();
    assert!(slugs.len() > 40, "{slugs:?}");
    assert_eq!(sections("Problems"), slugs);
}

#[test]
fn a_section_of_a_problem_begins_with_its_statuses() {
    for (status, slug) in problems() {
        let text = meaning(&slug).unwrap();
        let says = text.lines().nth(2).unwrap();
        assert!(says.starts_with(&format!("{status}. ")), "{slug}: {says}");
    }
}

#[test]
fn every_cause_of_dead_letters_has_its_section_and_none_more() {
    let mut causes: Vec<&str> = Cause::ALL.iter().map(|cause| cause.as_str()).collect();
    causes.sort_unstable();
    assert_eq!(sections("Dead letters"), causes);
    let problems = sections("Problems");
    for cause in causes {
        assert!(!problems.contains(&cause.to_owned()), "{cause} means two things");
    }
}

#[test]
fn a_slug_leads_to_its_section_alone() {
    let all = [sections("Problems"), sections("Dead letters")].concat();
    for slug in &all {
        let text = meaning(slug).unwrap();
        assert!(text.starts_with(&format!("{slug}\n\n")), "{text}");
        assert!(text.len() > slug.len() + 20 && !text.contains("##"), "{text}");
    }
    for none in ["", "nothing", "Problems", "already", "../errors"] {
        assert_eq!(meaning(none), None, "{none}");
    }
}

/// Slugs as they are written in the sources; those of the documents come from what routes say of
/// themselves, so one that no route says would be missed there.
#[test]
fn the_sources_name_no_other_slug() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let known: BTreeSet<String> = sections("Problems").into_iter().collect();
    let mut files = Vec::new();
    for part in
        ["orchestrator/src", "participants", "relay/src", "expeditor/src", "crates/runtime/src"]
    {
        gather(&root.join(part), &mut files);
    }
    let mut seen = BTreeSet::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for call in ["Problem::new(", "Problem::conflict(", "refusal("] {
            for arguments in code.split(call).skip(1) {
                let slug = arguments.split('"').nth(1).unwrap_or_default();
                let near = arguments.find('"').is_some_and(|at| at < 40);
                if near && slug.contains('-') && !slug.contains(' ') {
                    assert!(known.contains(slug), "{slug} in {}", file.display());
                    seen.insert(slug.to_owned());
                }
            }
        }
        for calls in code.split("dead_letter(").skip(1) {
            let argument = calls.trim_start();
            assert!(
                argument.starts_with("Cause::")
                    || argument.starts_with("reason")
                    || !argument.starts_with(['"', 'f']),
                "a dead letter without a cause in {}",
                file.display()
            );
        }
    }
    assert!(seen.len() > 20, "{seen:?}");
}

/// Rust sources that are no tests.
fn gather(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            gather(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") && !name.ends_with("tests.rs") {
            files.push(path);
        }
    }
}
