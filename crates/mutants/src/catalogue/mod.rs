//! Which mutants there are, which rule each breaks, and which layers of tests must notice.

mod delivery;
mod engine;
mod participants;
mod path;

/// A seeded bug.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// What it does wrong, in a few words: `relay-deletes-before-confirm`.
    pub name: &'static str,
    /// What is right, and was taken out.
    pub breaks: &'static str,
    /// The layers of tests that must notice, each of them.
    pub caught_by: &'static [Layer],
}

/// A layer of tests, cheap ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The engine's own tests: rules, races and laws over its table.
    Engine,
    /// The tests of one service's decisions.
    Service,
    /// A relay between an outbox and a broker that tests make.
    Relay,
    /// The one path, over SQLite and over the database in memory.
    Path,
    /// The contract of all databases.
    Database,
    /// The contract of RabbitMQ as a broker.
    Broker,
    /// The model: small bounds, every state in them.
    Model,
    /// The simulation: seeds, one after another.
    Simulation,
    /// Relays that share an outbox, between real servers, against a ledger.
    Ledger,
    /// What becomes of rows that the broker does not take, between real servers.
    Refusals,
}

impl Layer {
    /// All of them, cheap ones first.
    pub const ALL: [Self; 10] = [
        Self::Engine,
        Self::Service,
        Self::Relay,
        Self::Path,
        Self::Database,
        Self::Broker,
        Self::Model,
        Self::Simulation,
        Self::Ledger,
        Self::Refusals,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Service => "service",
            Self::Relay => "relay",
            Self::Path => "path",
            Self::Database => "database",
            Self::Broker => "broker",
            Self::Model => "model",
            Self::Simulation => "simulation",
            Self::Ledger => "ledger",
            Self::Refusals => "refusals",
        }
    }
}

const PARTS: [&[Mutant]; 4] =
    [engine::MUTANTS, participants::MUTANTS, path::MUTANTS, delivery::MUTANTS];

/// All of them, each at its [`position`].
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    PARTS.into_iter().flatten()
}

/// The place of a name in the catalogue.
///
/// # Panics
///
/// Where it has no such name; while compiling, where `mutant!` asks.
pub const fn position(name: &str) -> usize {
    let (mut part, mut before) = (0, 0);
    while part < PARTS.len() {
        let mut index = 0;
        while index < PARTS[part].len() {
            if equal(PARTS[part][index].name, name) {
                return before + index;
            }
            index += 1;
        }
        before += PARTS[part].len();
        part += 1;
    }
    panic!("the catalogue of mutants has no such name");
}

const fn equal(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}
