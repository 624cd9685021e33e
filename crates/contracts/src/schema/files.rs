//! The published language as a folder of files: what is released, and what a check holds today's
//! language against. Only names and contents; whoever has a disk writes them.

use serde_json::Value;

use crate::{
    example,
    schema::{ENVELOPE, MessageType, envelope, routing},
};

/// One file of the folder.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its path within the folder, with `/`.
    pub path: String,
    /// What is in it.
    pub content: Value,
}

impl File {
    /// The content as text, to be read by people too.
    pub fn text(&self) -> String {
        let mut text = format!("{:#}", self.content);
        text.push('\n');
        text
    }
}

/// A schema a message, the envelope's, the routes, and an example of each message.
pub fn files() -> Vec<File> {
    let file = |path: String, content| File { path, content };
    let mut files = vec![
        file(format!("{ENVELOPE}.json"), envelope()),
        file("routes.json".to_owned(), routing()),
    ];
    for kind in MessageType::all() {
        files.push(file(format!("{}.json", kind.as_str()), kind.schema()));
        files.push(file(format!("examples/{}.json", kind.as_str()), example::message(kind)));
    }
    files
}
