//! What lies in the tree: its Rust sources and the entries of a folder, without what git ignores
//! and without hidden folders.

use std::{fs, io, path::Path};

use super::source::Source;

/// Every Rust file of the tree, taken apart, in order of path.
pub(super) fn sources(root: &Path) -> io::Result<Vec<Source>> {
    let mut sources = Vec::new();
    visit(root, "", &mut |path| {
        if has_extension(path, "rs") {
            sources.push(Source::new(path, &fs::read_to_string(root.join(path))?));
        }
        Ok(())
    })?;
    Ok(sources)
}

/// Every Markdown file of the tree, by path, in order.
pub(super) fn pages(root: &Path) -> io::Result<Vec<String>> {
    let mut pages = Vec::new();
    visit(root, "", &mut |path| {
        if has_extension(path, "md") {
            pages.push(path.to_owned());
        }
        Ok(())
    })?;
    Ok(pages)
}

/// The names in a folder (from the root; `""` is the root), sorted; folders end with `/`.
pub(super) fn entries(root: &Path, folder: &str) -> io::Result<Vec<String>> {
    let ignored = if folder.is_empty() { ignored(root) } else { Vec::new() };
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || ignored.contains(&name) {
            continue;
        }
        names.push(if entry.file_type()?.is_dir() { name + "/" } else { name });
    }
    names.sort();
    Ok(names)
}

fn visit(
    root: &Path,
    folder: &str,
    found: &mut impl FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    for name in entries(root, folder)? {
        let path = format!("{folder}{name}");
        if path.ends_with('/') {
            visit(root, &path, found)?;
        } else {
            found(&path)?;
        }
    }
    Ok(())
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// What `.gitignore` names at the root (`/target`).
fn ignored(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    text.lines().filter_map(|line| line.strip_prefix('/')).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_ignores_and_what_is_hidden_is_left_out() {
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path();
        for folder in ["target", ".git", "relay/src", "relay/target"] {
            fs::create_dir_all(root.join(folder)).unwrap();
            fs::write(root.join(folder).join("lib.rs"), "//! Some.\n").unwrap();
        }
        fs::write(root.join(".gitignore"), "/target\n*.profraw\n").unwrap();
        fs::write(root.join("README.md"), "# Some\n").unwrap();

        assert_eq!(entries(root, "").unwrap(), ["README.md", "relay/"]);
        assert_eq!(pages(root).unwrap(), ["README.md"]);
        let paths: Vec<String> = sources(root).unwrap().into_iter().map(|s| s.path).collect();
        assert_eq!(paths, ["relay/src/lib.rs", "relay/target/lib.rs"]);
    }
}
