//! A validated definition: the table, and what is derived from it once. Whoever holds one may
//! rely on every rule of [`DefinitionError`].

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::settings::Settings;
use crate::spec::{Kind, Published, Spec, Step};
use crate::validate::{self, DefinitionError, Links};

/// A command that a saga of some definition may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandName {
    /// Type of the command.
    pub command: &'static str,
    /// Participant that it goes to.
    pub to: &'static str,
}

/// A validated definition.
#[derive(Clone, Debug)]
pub struct Definition {
    spec: Spec,
    links: Links,
}

/// What a fact means to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Done,
    Failed,
    Undone,
    Reopened,
    HandOver,
}

impl Definition {
    /// Validates a table.
    pub fn build(spec: Spec) -> Result<Self, DefinitionError> {
        let links = validate::links(&spec)?;
        Ok(Self { spec, links })
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.spec.name
    }

    /// Its version.
    pub const fn version(&self) -> u32 {
        self.spec.version
    }

    /// Its rows.
    pub fn steps(&self) -> &[Step] {
        &self.spec.steps
    }

    /// One row by name.
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.spec.steps.iter().find(|step| step.name == name)
    }

    /// The events that its sagas publish about themselves.
    pub const fn published(&self) -> &Published {
        &self.spec.published
    }

    /// The participant that a step's facts come from.
    pub fn participant(&self, step: &str) -> Option<&'static str> {
        self.position(step).map(|index| self.links.participant[index])
    }

    /// Every participant once, sorted by name.
    pub fn participants(&self) -> Vec<&'static str> {
        let mut all = self.links.participant.clone();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Every command that its sagas may send, in the order of the table.
    pub fn commands(&self) -> Vec<CommandName> {
        let named = self.spec.steps.iter().flat_map(validate::commands);
        named.map(|(command, to)| CommandName { command, to }).collect()
    }

    /// Deadlines and retries as the table gives them.
    pub fn default_settings(&self) -> Settings {
        let with_deadline =
            self.spec.steps.iter().filter_map(|step| Some((step.name, step.deadline?.after)));
        Settings {
            deadlines: with_deadline
                .map(|(step, after)| (step.to_string(), after))
                .collect::<BTreeMap<_, _>>(),
            retry: self.spec.retry,
        }
    }

    pub(crate) fn position(&self, step: &str) -> Option<usize> {
        self.spec.steps.iter().position(|row| row.name == step)
    }

    /// Whether nothing can ever be undone, so that the point of no return is the start.
    pub(crate) fn starts_past_pivot(&self) -> bool {
        self.spec.steps.iter().all(|step| step.kind == Kind::Retriable)
    }

    /// Indices of the steps, each after all that it depends on.
    pub(crate) fn topological(&self) -> &[usize] {
        &self.links.topological
    }

    /// Indices of the steps that a step is directly after.
    pub(crate) fn after(&self, index: usize) -> &[usize] {
        &self.links.after[index]
    }

    /// Indices of the steps that are directly after a step.
    pub(crate) fn before(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.spec.steps.len()).filter(move |other| self.links.after[*other].contains(&index))
    }

    /// Whether a step can only come after another, directly or not.
    pub(crate) fn requires(&self, index: usize, earlier: usize) -> bool {
        self.links.required[index].contains(&earlier)
    }

    /// Index of the step that sends the command which a step waits for: itself, if it sends one.
    pub(crate) fn sender(&self, index: usize) -> usize {
        self.links.sender[index]
    }

    pub(crate) fn source(&self, index: usize) -> &'static str {
        self.links.participant[index]
    }

    /// What a source's fact means, and to which step.
    pub(crate) fn role(&self, source: &str, fact: &str) -> Option<(usize, Role)> {
        (0..self.spec.steps.len())
            .filter(|index| self.links.participant[*index] == source)
            .find_map(|index| Some((index, self.role_in(index, fact)?)))
    }

    /// What a fact means to one step.
    pub(crate) fn role_in(&self, index: usize, fact: &str) -> Option<Role> {
        validate::roles(&self.spec.steps[index])
            .find_map(|(name, role)| (name == fact).then_some(role))
    }
}
