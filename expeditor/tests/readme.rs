//! The README's walk, run as it stands there: its `sh` blocks against `dev` on an empty directory,
//! their output against its `text` blocks.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Stdio};

use expeditor::system::{Settings, System};
use runtime::ports::Ports;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const SECTION: &str = "## A walk with curl\n";

/// The fenced blocks of a language in a section, one after another.
fn blocks(section: &str, language: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in section.lines() {
        match line.strip_prefix("```") {
            Some(fence) => inside = !inside && fence == language,
            None if inside => {
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_goes_as_the_readme_says() {
    let readme = std::fs::read_to_string(README).unwrap();
    let start = readme.find(SECTION).expect("the README has a walk") + SECTION.len();
    let end = readme[start..].find("\n## ").map_or(readme.len(), |end| start + end);
    let section = &readme[start..end];
    let (script, expected) = (blocks(section, "sh"), blocks(section, "text"));
    assert!(script.contains("place") && expected.contains("delivered"), "the walk is found");

    let data = tempfile::tempdir().unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let system =
        System::start(data.path(), listen, Settings::default(), Ports::system()).await.unwrap();
    let url = system.url();
    let walk = tokio::task::spawn_blocking(move || {
        Command::new("sh")
            .args(["-eu", "-c", &script])
            .env("EXPEDITOR_URL", url)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    });
    let output = walk.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "said:\n{said}\nand complained:\n{errors}");
    assert_eq!(said, expected);
    system.stop().await;
}
