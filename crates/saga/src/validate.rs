//! The rules that a table must keep, and what is derived from one that does. What the engine
//! relies on while it decides is checked here, once, so that deciding never has to fail.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use crate::definition::Role;
use crate::spec::{DeadlineAction, Kind, Request, Spec, Step};

/// Why a table is no definition. Each names the step (or the name) at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// There is nothing to do.
    #[error("a definition needs at least one step")]
    NoSteps,
    /// A name has no letters.
    #[error("step `{0}`: a name is empty")]
    EmptyName(&'static str),
    /// Two steps share a name.
    #[error("step `{0}` appears twice")]
    DuplicateStep(&'static str),
    /// Two steps send the same command, so that a wait for it would be ambiguous.
    #[error("step `{0}` sends a command that another step sends too")]
    DuplicateCommand(&'static str),
    /// Two facts of one participant share a name.
    #[error("step `{0}`: the fact `{1}` of its participant has another meaning already")]
    DuplicateFact(&'static str, &'static str),
    /// A dependency does not exist.
    #[error("step `{0}` is after `{1}`, which does not exist")]
    UnknownDependency(&'static str, &'static str),
    /// Steps wait for one another in a circle.
    #[error("step `{0}` can only come after itself")]
    Cycle(&'static str),
    /// More than one point of no return.
    #[error("step `{0}` is a second pivot")]
    SecondPivot(&'static str),
    /// Something to undo and something that cannot be undone, with no pivot between.
    #[error("step `{0}` can be undone, others cannot, and no pivot lies between")]
    MissingPivot(&'static str),
    /// A step that can be undone might run when the point of no return has passed.
    #[error("compensatable step `{0}` must be done before the pivot")]
    CompensatableNotBeforePivot(&'static str),
    /// A step that cannot be undone might run before the point of no return.
    #[error("retriable step `{0}` must come after the pivot")]
    RetriableNotAfterPivot(&'static str),
    /// A compensatable step, or a pivot, cannot be undone or revoked.
    #[error("step `{0}` needs an undo")]
    MissingUndo(&'static str),
    /// After the pivot nothing is undone.
    #[error("retriable step `{0}` has an undo")]
    UndoAfterPivot(&'static str),
    /// An undo goes to somebody who knows nothing of the step.
    #[error("step `{0}`: the undo must go to the participant of its command")]
    UndoElsewhere(&'static str),
    /// After the pivot a step cannot be refused.
    #[error("retriable step `{0}` can fail")]
    FailureAfterPivot(&'static str),
    /// A deadline would cancel what cannot be cancelled.
    #[error("retriable step `{0}`: a deadline after the pivot cannot cancel")]
    CancelAfterPivot(&'static str),
    /// A deadline before the pivot must say what becomes of the saga.
    #[error("step `{0}`: a deadline before the pivot must cancel")]
    EscalateBeforePivot(&'static str),
    /// A deadline that has passed before it begins.
    #[error("step `{0}`: a deadline must be positive")]
    DeadlineNotPositive(&'static str),
    /// Reopening belongs after the pivot: before it, a step is undone.
    #[error("step `{0}` can be reopened, but is not retriable")]
    ReopenBeforePivot(&'static str),
    /// Skipping before the pivot would leave it to chance what is undone.
    #[error("step `{0}` can be skipped, but is not retriable")]
    SkipBeforePivot(&'static str),
    /// A saga with something to undo cannot hand over.
    #[error("step `{0}` hands over, but is not retriable")]
    HandOverBeforePivot(&'static str),
    /// A step that only waits cannot be revoked by itself.
    #[error("step `{0}` waits on a command, but is not retriable")]
    WaitBeforePivot(&'static str),
    /// Nobody sends what a step waits on.
    #[error("step `{0}` waits on `{1}`, which no step sends")]
    WaitWithoutCommand(&'static str, &'static str),
    /// The command may not have been sent when the step's turn comes.
    #[error("step `{0}` waits on `{1}`, but may come before the step that sends it")]
    WaitBeforeCommand(&'static str, &'static str),
    /// The retry settings would never send, or never give up.
    #[error("retries need a positive pause, a cap not below it and a positive limit")]
    Retry,
}

/// What is derived from a valid table, by the index of the step.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    pub(crate) after: Vec<Vec<usize>>,
    /// Everything that a step is after, directly or not.
    pub(crate) required: Vec<BTreeSet<usize>>,
    pub(crate) topological: Vec<usize>,
    pub(crate) sender: Vec<usize>,
    pub(crate) participant: Vec<&'static str>,
}

/// The facts that a step knows, and what each means.
pub(crate) fn roles(step: &Step) -> impl Iterator<Item = (&'static str, Role)> {
    [
        Some((step.done_by, Role::Done)),
        step.failed_by.map(|(fact, _)| (fact, Role::Failed)),
        step.undo.map(|undo| (undo.undone_by, Role::Undone)),
        step.reopened_by.map(|fact| (fact, Role::Reopened)),
        step.hand_over.map(|hand_over| (hand_over.fact, Role::HandOver)),
    ]
    .into_iter()
    .flatten()
}

/// The commands that a step names, and to whom each goes; a wait names one of its sender's.
pub(crate) fn commands(step: &Step) -> impl Iterator<Item = (&'static str, &'static str)> {
    let widening = match step.deadline.map(|deadline| deadline.action) {
        Some(DeadlineAction::WidenThenEscalate { command, to }) => Some((command, to)),
        _ => None,
    };
    let asking = match step.request {
        Request::Command { command, to, .. } => Some((command, to)),
        Request::WaitsOn { .. } => None,
    };
    [
        asking,
        step.undo.map(|undo| (undo.command, undo.to)),
        widening,
        step.hand_over.and_then(|hand_over| hand_over.recall),
    ]
    .into_iter()
    .flatten()
}

/// Checks a table and derives its links.
pub(crate) fn links(spec: &Spec) -> Result<Links, DefinitionError> {
    names(spec)?;
    let after = dependencies(spec)?;
    let (topological, required) = order(spec, &after)?;
    pivot(spec, &required)?;
    for step in &spec.steps {
        by_kind(step)?;
    }
    let sender = senders(spec, &required)?;
    let participant = participants(spec, &sender);
    facts(spec, &participant)?;
    let retry = spec.retry;
    if retry.first_pause.0 < 1 || retry.cap < retry.first_pause || retry.limit < 1 {
        return Err(DefinitionError::Retry);
    }
    Ok(Links { after, required, topological, sender, participant })
}

fn names(spec: &Spec) -> Result<(), DefinitionError> {
    if spec.steps.is_empty() {
        return Err(DefinitionError::NoSteps);
    }
    let mut seen = BTreeSet::new();
    for step in &spec.steps {
        let empty = spec.name.is_empty()
            || step.name.is_empty()
            || roles(step).any(|(fact, _)| fact.is_empty())
            || commands(step).any(|(command, to)| command.is_empty() || to.is_empty());
        if empty {
            return Err(DefinitionError::EmptyName(step.name));
        }
        if !seen.insert(step.name) {
            return Err(DefinitionError::DuplicateStep(step.name));
        }
    }
    Ok(())
}

fn dependencies(spec: &Spec) -> Result<Vec<Vec<usize>>, DefinitionError> {
    let index = |step: &Step, name: &'static str| {
        let found = spec.steps.iter().position(|other| other.name == name);
        found.ok_or(DefinitionError::UnknownDependency(step.name, name))
    };
    let of = |step: &Step| step.after.iter().map(|name| index(step, name)).collect();
    spec.steps.iter().map(of).collect()
}

type Order = (Vec<usize>, Vec<BTreeSet<usize>>);

fn order(spec: &Spec, after: &[Vec<usize>]) -> Result<Order, DefinitionError> {
    let mut required = vec![BTreeSet::new(); after.len()];
    let mut topological = Vec::new();
    while topological.len() < after.len() {
        let ready = (0..after.len()).find(|step| {
            !topological.contains(step) && after[*step].iter().all(|d| topological.contains(d))
        });
        let Some(step) = ready else {
            let left = (0..after.len()).find(|step| !topological.contains(step));
            return Err(DefinitionError::Cycle(spec.steps[left.unwrap_or(0)].name));
        };
        for dependency in &after[step] {
            let further = required[*dependency].clone();
            required[step].extend(further);
            required[step].insert(*dependency);
        }
        topological.push(step);
    }
    Ok((topological, required))
}

fn pivot(spec: &Spec, required: &[BTreeSet<usize>]) -> Result<(), DefinitionError> {
    let mut pivots = (0..spec.steps.len()).filter(|i| spec.steps[*i].kind == Kind::Pivot);
    let pivot = pivots.next();
    if let Some(second) = pivots.next() {
        return Err(DefinitionError::SecondPivot(spec.steps[second].name));
    }
    let Some(pivot) = pivot else {
        let first = |kind| spec.steps.iter().find(|step| step.kind == kind);
        return match (first(Kind::Compensatable), first(Kind::Retriable)) {
            (Some(step), Some(_)) => Err(DefinitionError::MissingPivot(step.name)),
            _ => Ok(()),
        };
    };
    for (index, step) in spec.steps.iter().enumerate() {
        match step.kind {
            Kind::Compensatable if !required[pivot].contains(&index) => {
                return Err(DefinitionError::CompensatableNotBeforePivot(step.name));
            }
            Kind::Retriable if !required[index].contains(&pivot) => {
                return Err(DefinitionError::RetriableNotAfterPivot(step.name));
            }
            _ => {}
        }
    }
    Ok(())
}

fn by_kind(step: &Step) -> Result<(), DefinitionError> {
    use DefinitionError as Error;
    let retriable = step.kind == Kind::Retriable;
    let cancels =
        step.deadline.map(|deadline| matches!(deadline.action, DeadlineAction::Cancel { .. }));
    let waits = matches!(step.request, Request::WaitsOn { .. });
    let faults = [
        (waits && !retriable, Error::WaitBeforePivot(step.name)),
        (!retriable && step.undo.is_none(), Error::MissingUndo(step.name)),
        (retriable && step.undo.is_some(), Error::UndoAfterPivot(step.name)),
        (undo_elsewhere(step), Error::UndoElsewhere(step.name)),
        (retriable && step.failed_by.is_some(), Error::FailureAfterPivot(step.name)),
        (retriable && cancels == Some(true), Error::CancelAfterPivot(step.name)),
        (!retriable && cancels == Some(false), Error::EscalateBeforePivot(step.name)),
        (step.deadline.is_some_and(|d| d.after.0 < 1), Error::DeadlineNotPositive(step.name)),
        (!retriable && step.reopened_by.is_some(), Error::ReopenBeforePivot(step.name)),
        (!retriable && step.skippable, Error::SkipBeforePivot(step.name)),
        (!retriable && step.hand_over.is_some(), Error::HandOverBeforePivot(step.name)),
    ];
    match faults.into_iter().find(|(fault, _)| *fault) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

fn undo_elsewhere(step: &Step) -> bool {
    match (step.request, step.undo) {
        (Request::Command { to, .. }, Some(undo)) => undo.to != to,
        _ => false,
    }
}

fn senders(spec: &Spec, required: &[BTreeSet<usize>]) -> Result<Vec<usize>, DefinitionError> {
    let sends = |index: usize| match spec.steps[index].request {
        Request::Command { command, .. } => Some(command),
        Request::WaitsOn { .. } => None,
    };
    let sender = |wanted| (0..spec.steps.len()).find(|index| sends(*index) == Some(wanted));
    let mut all = Vec::new();
    for (index, step) in spec.steps.iter().enumerate() {
        all.push(match step.request {
            Request::Command { command, .. } if sender(command) == Some(index) => index,
            Request::Command { .. } => return Err(DefinitionError::DuplicateCommand(step.name)),
            Request::WaitsOn { command } => match sender(command) {
                None => return Err(DefinitionError::WaitWithoutCommand(step.name, command)),
                Some(sender) if required[index].contains(&sender) => sender,
                Some(_) => return Err(DefinitionError::WaitBeforeCommand(step.name, command)),
            },
        });
    }
    Ok(all)
}

fn participants(spec: &Spec, sender: &[usize]) -> Vec<&'static str> {
    let to = |index: &usize| match spec.steps[*index].request {
        Request::Command { to, .. } => to,
        // A sender sends; were it not so, the name of nobody is the safest.
        Request::WaitsOn { .. } => "",
    };
    sender.iter().map(to).collect()
}

fn facts(spec: &Spec, participant: &[&'static str]) -> Result<(), DefinitionError> {
    let mut seen = BTreeSet::new();
    for (step, source) in spec.steps.iter().zip(participant) {
        for (fact, _) in roles(step) {
            if !seen.insert((*source, fact)) {
                return Err(DefinitionError::DuplicateFact(step.name, fact));
            }
        }
    }
    Ok(())
}
