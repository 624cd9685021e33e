//! PostgreSQL's messages, as far as is needed to see a COMMIT: a type and a length before each, but
//! for the first of the client, and for the one byte by which the server answers whether it encrypts.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering::SeqCst},
};

use super::{Side, Sign};

/// What a client says first in place of its greeting, where it wants to encrypt (TLS, GSSAPI).
const ENCRYPT: [u32; 2] = [80_877_103, 80_877_104];
/// What the server answers to that where it will.
const WILL: [u8; 2] = [b'S', b'G'];

/// What both directions know about encryption.
pub(super) type Encryption = Arc<AtomicU8>;
/// Nobody has asked for it, or it was refused.
const NONE: u8 = 0;
/// The client has asked for it, the server's answer is one byte.
const ASKED: u8 = 1;
/// All that follows cannot be read.
const AGREED: u8 = 2;

/// Takes apart what one side says.
pub(super) struct Framing {
    side: Side,
    encryption: Encryption,
    /// Whether the client has greeted.
    greeted: bool,
}

impl Framing {
    pub(super) fn new(side: Side, encryption: Encryption) -> Self {
        Self { side, encryption, greeted: false }
    }

    /// The length of the first message in there and what it is; none where it is not complete.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<(usize, Sign)> {
        let first = *bytes.first()?;
        match (self.encryption.load(SeqCst), self.side) {
            (AGREED, _) => return Some((bytes.len(), Sign::Other)),
            (ASKED, Side::Server) => {
                let state = if WILL.contains(&first) { AGREED } else { NONE };
                self.encryption.store(state, SeqCst);
                return Some((1, Sign::Other));
            }
            _ => {}
        }
        if self.side == Side::Client && !self.greeted {
            let length = whole(bytes, 0)?;
            let asks = number(bytes, 4).is_some_and(|code| ENCRYPT.contains(&code));
            if asks {
                self.encryption.store(ASKED, SeqCst);
            }
            self.greeted = !asks;
            return Some((length, Sign::Other));
        }
        let length = whole(bytes, 1)?;
        Some((length, sign(self.side, first, &bytes[5..length])))
    }
}

/// The end of a message whose length stands at that place; none where it is not all there.
fn whole(bytes: &[u8], at: usize) -> Option<usize> {
    // The length counts itself: less than that is no protocol, and goes through as it is.
    let length = usize::try_from(number(bytes, at)?).ok()?.max(4) + at;
    (bytes.len() >= length).then_some(length)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn sign(side: Side, kind: u8, body: &[u8]) -> Sign {
    let commits = match (side, kind) {
        // A command is done, and this one it was.
        (Side::Server, b'C') => body == b"COMMIT\0",
        // A simple query.
        (Side::Client, b'Q') => is_commit(body),
        // A statement is prepared: its name, and what it is.
        (Side::Client, b'P') => {
            let name = body.iter().position(|byte| *byte == 0);
            name.is_some_and(|end| is_commit(&body[end + 1..]))
        }
        _ => false,
    };
    if commits { Sign::Commit } else { Sign::Other }
}

/// Whether a text that ends with a zero is that command.
fn is_commit(text: &[u8]) -> bool {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let text = text[..end].trim_ascii();
    text.strip_suffix(b";").unwrap_or(text).trim_ascii().eq_ignore_ascii_case(b"COMMIT")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind], length.as_slice(), body].concat()
    }

    fn greeting(code: u32) -> Vec<u8> {
        [8_u32.to_be_bytes(), code.to_be_bytes()].concat()
    }

    /// Fed byte by byte: what came out whole.
    fn signs(framing: &mut Framing, bytes: &[u8]) -> Vec<(usize, Sign)> {
        let (mut found, mut gone) = (Vec::new(), 0);
        for end in 1..=bytes.len() {
            if let Some((length, sign)) = framing.next(&bytes[gone..end]) {
                found.push((length, sign));
                gone += length;
            }
        }
        found
    }

    #[test]
    fn a_commit_is_seen_on_either_way_and_nothing_else_is_taken_for_one() {
        let mut client = Framing::new(Side::Client, Encryption::default());
        let said = [
            greeting(196_608),
            message(b'p', b"COMMIT\0"),
            message(b'Q', b"BEGIN\0"),
            message(b'P', b"s1\0commit ;\0\0\0"),
            message(b'Q', b" Commit\0"),
            message(b'Q', b"COMMIT PREPARED 'x'\0"),
        ];
        let expected =
            [Sign::Other, Sign::Other, Sign::Other, Sign::Commit, Sign::Commit, Sign::Other];
        let lengths = said.iter().map(Vec::len);
        let expected: Vec<_> = lengths.zip(expected).collect();
        assert_eq!(signs(&mut client, &said.concat()), expected);

        let mut server = Framing::new(Side::Server, Encryption::default());
        let said =
            [message(b'R', &[0; 4]), message(b'C', b"COMMIT\0"), message(b'C', b"ROLLBACK\0")];
        let found: Vec<Sign> =
            signs(&mut server, &said.concat()).into_iter().map(|(_, sign)| sign).collect();
        assert_eq!(found, [Sign::Other, Sign::Commit, Sign::Other]);
    }

    #[test]
    fn encryption_that_is_refused_is_followed_by_the_greeting_and_one_that_is_not_by_noise() {
        for (answer, code) in [(b'N', NONE), (b'S', AGREED)] {
            let encryption = Encryption::default();
            let mut client = Framing::new(Side::Client, Arc::clone(&encryption));
            let mut server = Framing::new(Side::Server, Arc::clone(&encryption));
            assert_eq!(client.next(&greeting(ENCRYPT[0])), Some((8, Sign::Other)));
            assert_eq!(server.next(&[answer]), Some((1, Sign::Other)));
            assert_eq!(encryption.load(SeqCst), code);
            let next = [greeting(196_608), message(b'Q', b"COMMIT\0")].concat();
            let expected = if code == NONE { 8 } else { next.len() };
            assert_eq!(client.next(&next), Some((expected, Sign::Other)));
        }
    }
}
