//! Who asks.

use contracts::Timestamp;

use super::Role;

/// Who asks, as a token says that was found good. Among the extensions of every request that needed
/// a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who it is: a name for people and logs.
    pub subject: String,
    /// In which capacity.
    pub role: Role,
    /// Until when the token is taken.
    pub until: Timestamp,
}

/// The longest subject, in characters.
pub const MAX_SUBJECT: usize = 128;

/// Whether that can name somebody: 1–[`MAX_SUBJECT`] visible ASCII characters.
pub fn is_subject(text: &str) -> bool {
    (1..=MAX_SUBJECT).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_graphic())
}
