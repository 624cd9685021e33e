//! `schemas`: the JSON Schemas of the messages, printed or written to a directory. Writing all of
//! them to `contracts/released/` is how a change of the language is released.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use contracts::schema::{self, File, MessageType};

use crate::{
    exit::{Failure, disk},
    print,
};

/// Options of `schemas`.
#[derive(Debug, Default, Args)]
pub struct SchemasArgs {
    /// Which message's, by its type as in `order-placed`; `envelope` is what is around each
    /// [default: all].
    #[arg(value_name = "TYPE", value_parser = schema_name)]
    pub name: Option<String>,
    /// Write files to this directory instead; for all of them also the routes and an example of
    /// each message.
    #[arg(long, value_name = "DIR", env = "EXPEDITOR_DIR")]
    pub dir: Option<PathBuf>,
}

fn schema_name(name: &str) -> Result<String, String> {
    if name == schema::ENVELOPE || MessageType::parse(name).is_some() {
        return Ok(name.to_owned());
    }
    let known = MessageType::all().map(MessageType::as_str).chain([schema::ENVELOPE]);
    let nearest = known.min_by_key(|known| strsim::damerau_levenshtein(known, name));
    Err(format!("there is no such message; did you mean '{}'?", nearest.unwrap_or_default()))
}

/// Prints or writes them.
pub fn run(options: &SchemasArgs) -> Result<(), Failure> {
    let name = options.name.as_deref();
    let Some(dir) = options.dir.as_deref() else {
        let schema = name.map_or_else(|| Some(schema::bundle()), schema::schema);
        print::line(format_args!("{:#}", schema.ok_or_else(|| unknown(name))?));
        return Ok(());
    };
    let wanted = name.map(|name| format!("{name}.json"));
    let mut files = schema::files();
    files.retain(|file| wanted.as_ref().is_none_or(|wanted| file.path == *wanted));
    files.iter().try_for_each(|file| write(dir, file))?;
    let count = files.len();
    let files = if count == 1 { "file" } else { "files" };
    print::line(format_args!("wrote {count} {files} to {}", dir.display()));
    Ok(())
}

/// Not met: the command line takes known names only.
fn unknown(name: Option<&str>) -> Failure {
    Failure::Usage(format!("there is no message {}", name.unwrap_or_default()))
}

fn write(dir: &Path, file: &File) -> Result<(), Failure> {
    let path = dir.join(&file.path);
    let folder = path.parent().unwrap_or(dir);
    fs::create_dir_all(folder).map_err(|error| disk(folder.display(), &error))?;
    fs::write(&path, file.text()).map_err(|error| disk(path.display(), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: Option<&str>) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let options =
            SchemasArgs { name: name.map(str::to_owned), dir: Some(dir.path().join("deep")) };
        run(&options).unwrap();
        run(&options).unwrap();
        let mut found = Vec::new();
        for folder in ["deep", "deep/examples"] {
            let entries = fs::read_dir(dir.path().join(folder)).into_iter().flatten();
            found.extend(entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()));
        }
        for path in &found {
            let text = fs::read_to_string(path).unwrap();
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
            assert!(text.ends_with("}\n"), "{}", path.display());
        }
        found.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn all_are_written_with_routes_and_examples_and_one_alone() {
        let all = written(None);
        assert_eq!(all.len(), schema::files().len());
        assert!(all.contains(&"routes.json".to_owned()));
        assert_eq!(all.iter().filter(|name| *name == "order-placed.json").count(), 2);
        assert_eq!(written(Some("envelope")), ["envelope.json"]);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_a_matter_of_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let below = dir.path().join("file").join("below");
        let failure = run(&SchemasArgs { name: None, dir: Some(below) }).unwrap_err();
        assert_eq!(failure.status(), 3);
        assert!(failure.to_string().contains("below"), "{failure}");
    }
}
