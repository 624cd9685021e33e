//! A Rust file taken apart into code and string literals, so that a rule about code is not misled
//! by a comment or a text. Not a parser: it knows just enough of the lexical rules for that.

/// A Rust file.
pub(super) struct Source {
    /// From the root, with `/`.
    pub(super) path: String,
    /// Its first line.
    pub(super) first_line: String,
    /// The code, line by line, with comments and literals blanked out.
    pub(super) code: Vec<String>,
    /// The string literals.
    pub(super) literals: Vec<Literal>,
    /// The line (from 1) of the first example in its docs.
    pub(super) example: Option<usize>,
    /// The first line (from 1) of what is compiled for tests only.
    pub(super) tests_from: usize,
}

/// A string literal.
pub(super) struct Literal {
    /// The line that it begins on, from 1.
    pub(super) line: usize,
    /// What stands between the quotes, escapes as written.
    pub(super) text: String,
}

fn example(text: &str) -> Option<usize> {
    let begins = |line: &str| {
        let line = line.trim_start();
        line.starts_with("/// ```") || line.starts_with("//! ```")
    };
    text.lines().position(begins).map(|index| index + 1)
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let mut scanner = Scanner::new(text);
        scanner.scan();
        let code: Vec<String> = scanner.code.lines().map(ToOwned::to_owned).collect();
        let tests_from = if is_test_file(path) { 1 } else { tests_from(&code) };
        Self {
            path: path.to_owned(),
            first_line: text.lines().next().unwrap_or_default().to_owned(),
            example: example(text),
            code,
            literals: scanner.literals,
            tests_from,
        }
    }

    /// Whether the line (from 1) is compiled for tests only.
    pub(super) fn is_test(&self, line: usize) -> bool {
        line >= self.tests_from
    }
}

/// Files of tests: `tests.rs`, `some_tests.rs`, and everything below a folder `tests`.
fn is_test_file(path: &str) -> bool {
    is_unit_test_file(path) || path.split('/').any(|part| part == "tests")
}

/// Files that are the tests of the file beside them.
pub(super) fn is_unit_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// The line of a `#[cfg(test)]` that a module with a body follows (`mod tests;` only names another
/// file); after the last line where there is none.
fn tests_from(code: &[String]) -> usize {
    let opens = |index: usize| {
        let after = code[index..].iter().map(|line| line.trim());
        let mut after = after.map(|line| line.strip_prefix("#[cfg(test)]").unwrap_or(line).trim());
        after.find(|line| !line.is_empty() && !line.starts_with("#[")).is_some_and(|line| {
            (line.starts_with("mod ") || line.contains(" mod ")) && line.contains('{')
        })
    };
    let marked = |line: &String| line.trim_start().starts_with("#[cfg(test)]");
    let found = code.iter().enumerate().find(|(index, line)| marked(line) && opens(*index));
    found.map_or(usize::MAX, |(index, _)| index + 1)
}

struct Scanner {
    text: Vec<char>,
    at: usize,
    line: usize,
    code: String,
    literals: Vec<Literal>,
}

impl Scanner {
    fn new(text: &str) -> Self {
        let text: Vec<char> = text.chars().collect();
        Self { at: 0, line: 1, code: String::with_capacity(text.len()), literals: Vec::new(), text }
    }

    fn scan(&mut self) {
        while let Some(&next) = self.text.get(self.at) {
            match next {
                '/' if self.sees("//") => self.blank_while(|scanner| !scanner.sees("\n")),
                '/' if self.sees("/*") => self.block_comment(),
                '"' => self.literal(None),
                'r' if !self.within_word() && self.raw_hashes().is_some() => {
                    let hashes = self.raw_hashes();
                    self.literal(hashes);
                }
                '\'' if self.is_char_literal() => self.char_literal(),
                _ => self.keep(),
            }
        }
    }

    /// Copies a character into the code.
    fn keep(&mut self) {
        let next = self.text[self.at];
        self.line += usize::from(next == '\n');
        self.code.push(next);
        self.at += 1;
    }

    /// Leaves a blank for a character, but keeps the lines; nothing at the end of the file.
    fn blank(&mut self) {
        let Some(&next) = self.text.get(self.at) else { return };
        self.line += usize::from(next == '\n');
        self.code.push(if next == '\n' { '\n' } else { ' ' });
        self.at += 1;
    }

    fn blank_while(&mut self, more: impl Fn(&Self) -> bool) {
        while self.at < self.text.len() && more(self) {
            self.blank();
        }
    }

    fn sees(&self, word: &str) -> bool {
        let ahead = &self.text[self.at..];
        word.chars().enumerate().all(|(offset, expected)| ahead.get(offset) == Some(&expected))
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.text.len() {
            if self.sees("/*") {
                depth += 1;
                self.blank();
            } else if self.sees("*/") {
                depth -= 1;
                self.blank();
                if depth == 0 {
                    self.blank();
                    return;
                }
            }
            self.blank();
        }
    }

    /// The number of `#` where a raw string begins here.
    fn raw_hashes(&self) -> Option<usize> {
        let hashes = self.text[self.at + 1..].iter().take_while(|&&next| next == '#').count();
        (self.text.get(self.at + 1 + hashes) == Some(&'"')).then_some(hashes)
    }

    /// Whether the character before is part of a word, `b` and `c` of `br""` and `cr""` excepted.
    fn within_word(&self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).and_then(|at| self.text.get(at));
        let word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric() || *c == '_');
        let prefix = matches!(before(1), Some('b' | 'c')) && !word(before(2));
        word(before(1)) && !prefix
    }

    /// A string literal; with a number of `#` a raw one.
    fn literal(&mut self, hashes: Option<usize>) {
        let line = self.line;
        let end = match hashes {
            Some(hashes) => format!("\"{}", "#".repeat(hashes)),
            None => "\"".to_owned(),
        };
        for _ in 0..hashes.map_or(1, |hashes| hashes + 2) {
            self.blank();
        }
        let start = self.at;
        while self.at < self.text.len() && !self.sees(&end) {
            if hashes.is_none() && self.sees("\\") {
                self.blank();
            }
            self.blank();
        }
        self.literals.push(Literal { line, text: self.text[start..self.at].iter().collect() });
        for _ in 0..end.len() {
            self.blank();
        }
    }

    /// Tells `'a'` from the lifetime `'a`.
    fn is_char_literal(&self) -> bool {
        self.text.get(self.at + 1) == Some(&'\\') || self.text.get(self.at + 2) == Some(&'\'')
    }

    fn char_literal(&mut self) {
        self.blank();
        if self.sees("\\") {
            self.blank();
        }
        self.blank();
        self.blank_while(|scanner| !scanner.sees("'"));
        self.blank();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Source::new("some.rs", text).code.join("\n")
    }

    fn literals(text: &str) -> Vec<(usize, String)> {
        let source = Source::new("some.rs", text);
        source.literals.into_iter().map(|literal| (literal.line, literal.text)).collect()
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        let cases = [
            ("a // b", "a     "),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"a("b \" c")"#, "a(        )"),
            (r##"a(r#"b " c"#)"##, "a(          )"),
            (r#"a(br"b\")"#, "a(b     )"),
            ("a('\"', '\\'', b)", "a(   ,     , b)"),
            ("fn a<'b>(c: &'b str)", "fn a<'b>(c: &'b str)"),
            ("attr\"b\"", "attr   "),
        ];
        for (text, expected) in cases {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn literals_keep_their_text_and_line() {
        let text = "a(\"one\");\nb(r#\"two\n\"three\"\"#);\nc(\"four\\\"\");";
        let expected = [(1, "one"), (2, "two\n\"three\""), (4, "four\\\"")];
        assert_eq!(literals(text), expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn an_end_in_the_middle_does_no_harm() {
        for text in ["\"open", "r#\"open", "/* open", "'", "'\\", "\"\\", "r#\"open\""] {
            let _ = code(text);
        }
    }

    #[test]
    fn tests_begin_where_a_module_of_tests_does() {
        let cases = [
            ("relay/src/lib.rs", "fn a() {}\n", usize::MAX),
            ("relay/src/lib.rs", "fn a() {}\n#[cfg(test)]\nmod tests {}\n", 2),
            ("relay/src/lib.rs", "#[cfg(test)]\nuse a::b;\n\n#[cfg(test)]\nmod tests {}\n", 4),
            ("relay/src/lib.rs", "#[cfg(test)]\n#[allow(some)]\npub(crate) mod tests {\n}\n", 1),
            ("relay/src/lib.rs", "#[cfg(test)]\nmod tests;\nfn a() {}\n", usize::MAX),
            ("relay/src/lib.rs", "//! `#[cfg(test)]`\nmod some;\n", usize::MAX),
            ("relay/src/tests.rs", "fn a() {}\n", 1),
            ("relay/src/pump_tests.rs", "fn a() {}\n", 1),
            ("tests/src/lib.rs", "fn a() {}\n", 1),
        ];
        for (path, text, expected) in cases {
            assert_eq!(Source::new(path, text).tests_from, expected, "{path}: {text}");
        }
    }
}
