//! Every command in the pages for readers is one that the binary takes. `containers.rs` holds the
//! same of what containers are started with, `readme.rs` walks.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeSet, fs, path::Path};

use expeditor::usage;

const PAGES: [&str; 4] = ["README.md", "CONTRIBUTING.md", "docs/operating.md", "docs/http.md"];

/// The commands of this program in a page's blocks for terminals, each as its words.
fn commands(page: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in page.replace("\\\n", " ").lines() {
        if let Some(fence) = line.strip_prefix("```") {
            inside = !inside && matches!(fence, "sh" | "console");
        } else if inside {
            commands.extend(command(line));
        }
    }
    commands
}

/// The one in a line, without what is around it.
fn command(line: &str) -> Option<Vec<String>> {
    let line = line.replace("cargo run --release -- ", "expeditor ");
    let line = line.split(" # ").next().unwrap();
    let line = line.strip_prefix("$ ").unwrap_or(line).trim();
    // `$(expeditor …)`, `until expeditor …; do` and `start NAME …`.
    let (before, after) = line.split_once("expeditor ").unwrap_or(("start", ""));
    let after = match (before, line.strip_prefix("start ")) {
        (_, Some(started)) => started.split_once(' ')?.1,
        ("" | "until ", None) => after,
        (before, None) if before.ends_with("$(") => after,
        _ => return None,
    };
    let end = after.find([')', ';', '|', '>', '&']).unwrap_or(after.len());
    let words = after[..end].split_whitespace().map(|word| word.trim_matches(['\'', '"']));
    // The number of a file descriptor, and words that stand for any.
    let words = words.filter(|word| *word != "2").map(|word| match word {
        "$service" | "SERVICE" => "store",
        "http://127.0.0.1:$port" => "http://127.0.0.1:1",
        "$1" => "operator",
        word => word,
    });
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    // At the end it stands for more options, or for the value of the last one.
    if let [.., last, dots] = &words[..]
        && dots == "…"
        && !last.starts_with("--")
    {
        words.pop();
    }
    (words != ["$@"]).then(|| [vec!["expeditor".to_owned()], words].concat())
}

#[test]
fn every_command_that_is_shown_can_be_typed() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut shown = Vec::new();
    for page in PAGES {
        let found = commands(&fs::read_to_string(root.join(page)).unwrap());
        for words in found {
            if let Err(failure) = usage::parse(&words) {
                panic!("{page}: {}: {failure}", words.join(" "));
            }
            shown.push(words[1].clone());
        }
    }
    for command in ["demo", "dev", "serve", "relay", "provision", "audit", "ready", "token", "keys"]
    {
        assert!(shown.iter().any(|it| it == command), "{command} is shown nowhere: {shown:?}");
    }
}

#[test]
fn a_command_is_found_with_what_stands_around_it() {
    let found = |line: &str| command(line).map(|words| words.join(" "));
    let ready = Some("expeditor ready --url http://127.0.0.1:1".to_owned());
    assert_eq!(
        found("    until expeditor ready --url http://127.0.0.1:$port 2> /dev/null; do"),
        ready
    );
    let token = Some("expeditor token --role cook".to_owned());
    assert_eq!(found("$ export TOKEN=$(expeditor token --role cook) # a cook's"), token);
    assert_eq!(found("start relay-1 relay --name x"), Some("expeditor relay --name x".to_owned()));
    assert_eq!(found("curl http://127.0.0.1/expeditor/x"), None);
}

/// The tests that docs/delivery.md names for its traps, as path and function.
fn tests_of_traps(page: &str) -> Vec<(usize, String)> {
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        Some((cells.first()?.trim().parse().ok()?, cells.last()?.to_string()))
    });
    rows.flat_map(|(number, cell): (usize, String)| {
        let names: Vec<String> = cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        assert!(!names.is_empty(), "trap {number} has no test");
        names.into_iter().map(move |name| (number, name)).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn each_trap_of_delivery_has_a_test_that_exists() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let named = tests_of_traps(&fs::read_to_string(root.join("docs/delivery.md")).unwrap());
    let numbers: BTreeSet<usize> = named.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=10).collect());
    for (number, name) in named {
        let parts: Vec<&str> = name.split("::").collect();
        let [package, program, modules @ .., function] = &parts[..] else {
            panic!("trap {number}: {name}");
        };
        let package = if *package == "runtime" { "crates/runtime" } else { package };
        let tests = root.join(package).join("tests").join(program);
        let file = match modules {
            [] if tests.is_dir() => tests.join("main.rs"),
            [] => tests.with_extension("rs"),
            // Made by a macro from a property of this name.
            ["on_postgres"] => tests.join("transactions.rs"),
            [module] => tests.join(module).with_extension("rs"),
            _ => panic!("trap {number}: {name}"),
        };
        let source =
            fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        assert!(source.contains(&format!("async fn {function}(")), "trap {number}: no {name}");
    }
}
