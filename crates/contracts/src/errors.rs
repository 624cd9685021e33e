//! What goes wrong, as slugs that programs can rely on: why messages are dead letters, and what every
//! slug means, those of problems over HTTP included. `docs/errors.md` says it; a test holds it and the
//! code together.

use core::fmt::Display;

use crate::EnvelopeError;

/// What each slug means: of problems, and of dead letters.
const PAGE: &str = include_str!("../../../docs/errors.md");

/// What that slug means and what to do, where there is such a slug.
///
/// ```
/// use contracts::errors::meaning;
///
/// assert!(meaning("unknown-type").is_some_and(|text| text.contains("does not know")));
/// assert_eq!(meaning("no-such-slug"), None);
/// ```
pub fn meaning(slug: &str) -> Option<&'static str> {
    let mut sections = PAGE.split("\n### ").skip(1);
    let section = sections.find(|section| section.lines().next() == Some(slug))?;
    // The last of a chapter is followed by the next one's heading.
    section.split("\n## ").next().map(str::trim_end)
}

macro_rules! causes {
    ($($(#[doc = $doc:literal])+ $name:ident => $slug:literal,)+) => {
        /// Why a message is a dead letter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Cause { $($(#[doc = $doc])+ $name,)+ }

        impl Cause {
            /// Every cause.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The slug: `unknown-type`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $slug,)+ }
            }
        }
    };
}

causes! {
    /// It is no envelope.
    NotAnEnvelope => "not-an-envelope",
    /// Another version of `CloudEvents`.
    UnknownSpecversion => "unknown-specversion",
    /// A type that this build does not know.
    UnknownType => "unknown-type",
    /// A schema that this build does not know.
    UnknownSchema => "unknown-schema",
    /// A source that is no service.
    UnknownSource => "unknown-source",
    /// Its source may not say this.
    WrongSource => "wrong-source",
    /// Its data does not fit the schema.
    DataDoesNotFit => "data-does-not-fit",
    /// An event without a sequence.
    NoSequence => "no-sequence",
    /// A command without its identity.
    NoCommandId => "no-commandid",
    /// It names another subject than its data.
    WrongSubject => "wrong-subject",
    /// It is not for this service.
    Misrouted => "misrouted",
    /// A fact about an order that is not there.
    NoSuchOrder => "no-such-order",
    /// A fact for a saga that the order does not have.
    NoSuchSaga => "no-such-saga",
    /// A saga of a definition that this build does not have.
    UnknownDefinition => "unknown-definition",
    /// A fact that the saga cannot take in as it stands.
    FactRefused => "fact-refused",
    /// An amount that cannot be.
    ImpossibleAmount => "impossible-amount",
    /// Reserved pieces that the stock does not hold.
    StockContradicts => "stock-contradicts",
    /// The service's code panicked about it.
    Panicked => "panicked",
    /// What was decided about it cannot be stored.
    NotCarriedOut => "not-carried-out",
    /// The broker has given it up.
    GivenUp => "given-up",
}

impl Cause {
    /// The text that is kept with the letter: the slug, then what happened this time.
    pub fn because(self, detail: impl Display) -> String {
        format!("{}: {detail}", self.as_str())
    }

    /// The cause that a kept text begins with. Letters from before there were causes have none.
    pub fn of(kept: &str) -> Option<Self> {
        let slug = kept.split_once(": ").map_or(kept, |(slug, _)| slug);
        Self::ALL.iter().copied().find(|cause| cause.as_str() == slug)
    }

    /// A text with a cause: its own, or else this one.
    #[must_use]
    pub fn unless_told(self, text: String) -> String {
        if Self::of(&text).is_some() { text } else { self.because(text) }
    }
}

impl From<&EnvelopeError> for Cause {
    fn from(error: &EnvelopeError) -> Self {
        match error {
            EnvelopeError::Malformed(_) => Self::NotAnEnvelope,
            EnvelopeError::SpecVersion(_) => Self::UnknownSpecversion,
            EnvelopeError::UnknownType(_) => Self::UnknownType,
            EnvelopeError::UnknownSchema(_) => Self::UnknownSchema,
            EnvelopeError::UnknownSource(_) => Self::UnknownSource,
            EnvelopeError::WrongSource { .. } => Self::WrongSource,
            EnvelopeError::Data { .. } => Self::DataDoesNotFit,
            EnvelopeError::NoSequence => Self::NoSequence,
            EnvelopeError::NoCommandId => Self::NoCommandId,
            EnvelopeError::Subject { .. } => Self::WrongSubject,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_text_tells_its_cause() {
        for &cause in Cause::ALL {
            assert_eq!(Cause::of(&cause.because("it: happened")), Some(cause));
            let told = Cause::GivenUp.unless_told(cause.because("x"));
            assert_eq!(Cause::of(&told), Some(cause));
        }
        for old in ["unknown type \"x\"", "on purpose", ""] {
            assert_eq!(Cause::of(old), None);
            assert_eq!(
                Cause::of(&Cause::GivenUp.unless_told(old.to_owned())),
                Some(Cause::GivenUp)
            );
        }
    }
}
