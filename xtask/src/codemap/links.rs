//! Links between the project's pages, and paths that they name in `code`, lead somewhere. Links
//! to other sites are not followed.

use std::{fs, io, path::Path};

use super::{Violation, disk};

/// Checks every page.
pub(super) fn check(root: &Path) -> io::Result<Vec<Violation>> {
    let top: Vec<String> =
        disk::entries(root, "")?.into_iter().filter(|name| name.ends_with('/')).collect();
    let mut violations = Vec::new();
    for page in disk::pages(root)? {
        let text = fs::read_to_string(root.join(&page))?;
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut fenced = false;
        for (index, line) in text.lines().enumerate() {
            let mut dead = |what: String| violations.push(Violation::new(&page, index + 1, what));
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for link in links(line) {
                if !root.join(folder).join(link).exists() {
                    dead(format!("the link to `{link}` leads nowhere: mend it or take it out"));
                }
            }
            for path in paths(line, &top) {
                if !root.join(path).exists() {
                    dead(format!("`{path}` does not exist: name what there is"));
                }
            }
        }
    }
    Ok(violations)
}

/// The targets of `[…](target)` within the project, without their anchors.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split_once('#').map_or(target, |(path, _)| path))
        .filter(|path| !path.is_empty() && !path.contains(':'))
}

/// What stands in back quotes and begins with a folder of the root; patterns are left alone.
fn paths<'a>(line: &'a str, top: &'a [String]) -> impl Iterator<Item = &'a str> {
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| top.iter().any(|folder| text.starts_with(folder.as_str())))
        .filter(|text| !text.contains(['<', '{', '*', ' ', '…']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_page(text: &str) -> Vec<String> {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("docs/adr")).unwrap();
        fs::write(tree.path().join("docs/adr/first.md"), "# First\n").unwrap();
        fs::write(tree.path().join("docs/page.md"), text).unwrap();
        let found = check(tree.path()).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_leads_somewhere_or_outside_passes() {
        let page = "[a](adr/first.md) [b](adr/first.md#part) [c](#here) [d](https://example.org)\n\
                    `docs/adr/` `docs/<name>.md` `GET /orders` `none/such`\n\
                    ```text\n[e](gone.md) `docs/gone.md`\n```\n";
        assert_eq!(check_page(page), [""; 0]);
    }

    #[test]
    fn what_leads_nowhere_is_named() {
        assert_eq!(
            check_page("# Page\n\nSee [a](gone.md#part) and `docs/gone.md`.\n"),
            [
                "docs/page.md:3: the link to `gone.md` leads nowhere: mend it or take it out",
                "docs/page.md:3: `docs/gone.md` does not exist: name what there is",
            ]
        );
    }
}
