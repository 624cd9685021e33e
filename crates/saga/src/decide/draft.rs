//! A decision in the making: the state so far, and what has happened. Recording an event folds
//! it at once, so that the state seen while deciding is always the fold of what is recorded.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use mutants::mutant;
use uuid::Uuid;

use crate::command::{Direction, command_id};
use crate::decision::{Decision, Effect, Outcome};
use crate::definition::Definition;
use crate::event::{Event, EventKind};
use crate::evolve::apply;
use crate::instance::{Instance, StepState, StepStatus};
use crate::spec::{AnsweredBy, Kind, Request, Step};
use crate::time::Time;

pub(crate) struct Draft<'d> {
    pub(crate) definition: &'d Definition,
    pub(crate) state: Instance,
    pub(crate) now: Time,
    events: Vec<Event>,
    effects: Vec<Effect>,
}

/// A command that a step sends: what an event and an effect both need of it.
pub(crate) struct Command {
    pub(crate) direction: Direction,
    pub(crate) name: &'static str,
    pub(crate) to: &'static str,
    pub(crate) id: Uuid,
    /// Whether the participant answers by itself, so that its silence is an error.
    pub(crate) limited: bool,
}

impl<'d> Draft<'d> {
    pub(crate) fn of(definition: &'d Definition, state: Instance, now: Time) -> Self {
        Self { definition, state, now, events: Vec::new(), effects: Vec::new() }
    }

    pub(crate) fn record(&mut self, kind: EventKind) {
        let event = Event { at: self.now, kind };
        apply(self.definition, &mut self.state, &event);
        self.events.push(event);
    }

    pub(crate) fn send(&mut self, command: &Command, attempt: u32) {
        self.effects.push(Effect::Send {
            command: command.name.to_string(),
            to: command.to.to_string(),
            command_id: command.id,
            attempt,
        });
    }

    pub(crate) fn publish(&mut self, event: Option<&'static str>) {
        self.effects.extend(event.map(|event| Effect::Publish { event: event.to_string() }));
    }

    pub(crate) fn hand_over(&mut self, definition: &str) {
        self.effects.push(Effect::HandOver { definition: definition.to_string() });
    }

    pub(crate) fn close(self, outcome: Outcome) -> Decision {
        Decision { events: self.events, effects: self.effects, outcome }
    }

    pub(crate) fn changed(&self) -> bool {
        !self.events.is_empty()
    }

    pub(crate) fn indices(&self) -> core::ops::Range<usize> {
        0..self.definition.steps().len()
    }

    pub(crate) fn row(&self, index: usize) -> &'d Step {
        &self.definition.steps()[index]
    }

    pub(crate) fn step(&self, index: usize) -> &StepState {
        &self.state.steps[index]
    }

    pub(crate) fn status(&self, index: usize) -> StepStatus {
        self.state.steps[index].status
    }

    pub(crate) fn name(&self, index: usize) -> String {
        self.row(index).name.to_string()
    }

    /// A command of a step in its present generation, by what it is for.
    pub(crate) fn command(
        &self,
        index: usize,
        direction: Direction,
        (name, to): (&'static str, &'static str),
        limited: bool,
    ) -> Command {
        let step = self.step(index);
        let mut generation = step.generation;
        if mutant!("saga-sends-again-under-another-id") {
            generation += step.attempts;
        }
        let id = command_id(self.state.saga_id, &step.name, direction, generation);
        Command { direction, name, to, id, limited }
    }

    /// The step's own command; `None` for one that only waits.
    pub(crate) fn request(&self, index: usize) -> Option<Command> {
        let Request::Command { command, to, answered_by } = self.row(index).request else {
            return None;
        };
        // Once it is done the command was answered; who waits on it further is a person.
        let limited = answered_by == AnsweredBy::Participant
            && self.step(index).status != StepStatus::Done
            && self.step(index).status != StepStatus::Skipped;
        Some(self.command(index, Direction::Do, (command, to), limited))
    }

    /// The command by which the step is undone.
    pub(crate) fn undo(&self, index: usize) -> Option<Command> {
        let undo = self.row(index).undo?;
        Some(self.command(index, Direction::Undo, (undo.command, undo.to), true))
    }

    /// The command whose answer is awaited from a sending step.
    pub(crate) fn awaited(&self, index: usize) -> Option<Command> {
        if self.status(index) == StepStatus::Undoing {
            self.undo(index)
        } else {
            self.request(index)
        }
    }

    /// When a command that is sent now for the given time is sent again. One that waits for a
    /// person goes at the cap; so does one whose saga is stuck.
    pub(crate) fn next_attempt(&self, command: &Command, attempt: u32, exhausted: bool) -> Time {
        let retry = &self.state.settings.retry;
        let pause = if command.limited && !exhausted {
            retry.pause(command.id, attempt)
        } else {
            retry.cap(command.id, attempt)
        };
        self.now.plus(pause)
    }

    /// When a step that is asked for now is overdue.
    pub(crate) fn deadline(&self, index: usize) -> Option<Time> {
        let row = self.row(index);
        let after = row.deadline?.after;
        let after = self.state.settings.deadline(row.name).unwrap_or(after);
        Some(self.now.plus(after))
    }

    /// Whether the step may be undone as long as the pivot has not happened.
    pub(crate) fn is_undoable(&self, index: usize) -> bool {
        self.row(index).kind != Kind::Retriable
    }
}
