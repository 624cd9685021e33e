//! A definition as its author writes it: plain data, one [`Step`] per row of the table.
//! Nothing here is checked; [`crate::Definition::build`] does that, once.

use alloc::vec::Vec;

use crate::settings::Retry;
use crate::time::Millis;

/// The table of a saga before it is validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Name of the definition, such as `order`.
    pub name: &'static str,
    /// Version of the definition; pinned in every saga that it starts.
    pub version: u32,
    /// The rows, in the order in which people read them.
    pub steps: Vec<Step>,
    /// Events that the saga publishes about itself.
    pub published: Published,
    /// How commands are sent again; the default of [`crate::Settings`].
    pub retry: Retry,
}

impl Spec {
    /// A table without rows, which publishes nothing and retries by the defaults.
    pub fn new(name: &'static str, version: u32) -> Self {
        Self {
            name,
            version,
            steps: Vec::new(),
            published: Published::default(),
            retry: Retry::default(),
        }
    }

    /// Adds a row.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Names the events that the saga publishes about itself.
    #[must_use]
    pub fn publishes(mut self, published: Published) -> Self {
        self.published = published;
        self
    }

    /// Replaces the default retry settings.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }
}

/// Names of the events that a saga publishes about itself; `None` publishes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The pivot is done: nothing can be undone any more. Told before whatever follows from it.
    pub passed: Option<&'static str>,
    /// Every step is done.
    pub completed: Option<&'static str>,
    /// Everything that was done is undone.
    pub cancelled: Option<&'static str>,
    /// The saga has handed over to another one.
    pub returned: Option<&'static str>,
    /// A cancellation came too late; published at most once a saga.
    pub cancellation_refused: Option<&'static str>,
}

/// What can be done about a step once it was requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Can be undone; lies before the pivot.
    Compensatable,
    /// The point of no return: in flight it can be revoked, done it cannot.
    Pivot,
    /// Lies after the pivot: is tried until it is done.
    Retriable,
}

/// Who answers a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredBy {
    /// The participant by itself: silence is an error, so attempts are limited.
    Participant,
    /// A person: silence is patience. Sent again at the cap without limit, since the step's
    /// deadline speaks for it.
    Person,
}

/// How a step is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The step sends a command.
    Command {
        /// Type of the command, such as `authorize-payment`.
        command: &'static str,
        /// Participant that it goes to, such as `payment`; also the source of its facts.
        to: &'static str,
        /// Who answers it.
        answered_by: AnsweredBy,
    },
    /// The step sends nothing: it waits for a later fact about a command of an earlier step.
    WaitsOn {
        /// Type of that command.
        command: &'static str,
    },
}

/// How a step is undone, or revoked while its outcome is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undo {
    /// Type of the undoing command.
    pub command: &'static str,
    /// Participant that it goes to: the one that the step's own command goes to.
    pub to: &'static str,
    /// Fact that says that it is undone.
    pub undone_by: &'static str,
}

/// How long a step may be awaited, and what happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// From the request on.
    pub after: Millis,
    /// What happens when it has passed.
    pub action: DeadlineAction,
}

/// What a passed deadline does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadlineAction {
    /// Starts compensation; the step itself is revoked and its participant's answer decides.
    Cancel {
        /// Why the saga was cancelled, such as `payment_timeout`.
        reason: &'static str,
    },
    /// Flags the saga as stalled; it goes on running.
    Escalate,
    /// Sends a command that may help and waits once more as long; then escalates.
    WidenThenEscalate {
        /// Type of the helping command.
        command: &'static str,
        /// Participant that it goes to.
        to: &'static str,
    },
}

/// A fact that ends the saga and begins another one, from any state after the pivot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// The fact, such as `delivery-returned`.
    pub fact: &'static str,
    /// Name of the definition that goes on.
    pub definition: &'static str,
    /// Why, as the saga's reason, such as `delivery_returned`.
    pub reason: &'static str,
    /// Command by which an operator may ask for the fact before the step's turn has come; the
    /// participant may refuse it.
    pub recall: Option<(&'static str, &'static str)>,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Name, unique in the definition.
    pub name: &'static str,
    /// What can be done about it.
    pub kind: Kind,
    /// Steps that must be done before this one is requested.
    pub after: Vec<&'static str>,
    /// How it is asked for.
    pub request: Request,
    /// Fact that says that it is done.
    pub done_by: &'static str,
    /// Fact that says that it was refused, and the reason that the saga then gives.
    pub failed_by: Option<(&'static str, &'static str)>,
    /// Fact that takes a done step back, so that it is asked for again.
    pub reopened_by: Option<&'static str>,
    /// How it is undone.
    pub undo: Option<Undo>,
    /// How long it may take.
    pub deadline: Option<Deadline>,
    /// Fact that ends this saga and begins another.
    pub hand_over: Option<HandOver>,
    /// Whether an operator may skip it.
    pub skippable: bool,
}

impl Step {
    fn new(name: &'static str, kind: Kind, request: Request, done_by: &'static str) -> Self {
        Self {
            name,
            kind,
            after: Vec::new(),
            request,
            done_by,
            failed_by: None,
            reopened_by: None,
            undo: None,
            deadline: None,
            hand_over: None,
            skippable: false,
        }
    }

    /// A step that sends `command` to `to` and is done by the fact `done_by`.
    pub fn command(
        name: &'static str,
        kind: Kind,
        (command, to): (&'static str, &'static str),
        answered_by: AnsweredBy,
        done_by: &'static str,
    ) -> Self {
        Self::new(name, kind, Request::Command { command, to, answered_by }, done_by)
    }

    /// A retriable step that waits for a later fact about an earlier step's command.
    pub fn waits_on(name: &'static str, command: &'static str, done_by: &'static str) -> Self {
        Self::new(name, Kind::Retriable, Request::WaitsOn { command }, done_by)
    }

    /// Names the steps that must be done before.
    #[must_use]
    pub fn after(mut self, steps: &[&'static str]) -> Self {
        self.after.extend_from_slice(steps);
        self
    }

    /// Names the refusing fact and the reason that the saga then gives.
    #[must_use]
    pub fn failed_by(mut self, fact: &'static str, reason: &'static str) -> Self {
        self.failed_by = Some((fact, reason));
        self
    }

    /// Names the fact that takes the step back.
    #[must_use]
    pub fn reopened_by(mut self, fact: &'static str) -> Self {
        self.reopened_by = Some(fact);
        self
    }

    /// Says how the step is undone: by a command to the same participant.
    #[must_use]
    pub fn undo(
        mut self,
        (command, to): (&'static str, &'static str),
        undone_by: &'static str,
    ) -> Self {
        self.undo = Some(Undo { command, to, undone_by });
        self
    }

    /// Sets the deadline.
    #[must_use]
    pub fn deadline(mut self, after: Millis, action: DeadlineAction) -> Self {
        self.deadline = Some(Deadline { after, action });
        self
    }

    /// Names the fact that ends this saga and begins another.
    #[must_use]
    pub fn hands_over(mut self, hand_over: HandOver) -> Self {
        self.hand_over = Some(hand_over);
        self
    }

    /// Lets an operator skip the step.
    #[must_use]
    pub fn skippable(mut self) -> Self {
        self.skippable = true;
        self
    }
}
