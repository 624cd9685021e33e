//! A definition drawn as a Mermaid flowchart, from the table that the engine itself reads.

use alloc::string::String;
use core::fmt::Write;

use crate::definition::Definition;
use crate::spec::{DeadlineAction, Kind, Request, Step};

/// The definition as a Mermaid flowchart.
pub fn mermaid(definition: &Definition) -> String {
    let mut drawing = String::new();
    // Writing to a string cannot fail; the result is only there for other writers.
    let _ = draw(definition, &mut drawing);
    drawing
}

fn draw(definition: &Definition, out: &mut String) -> core::fmt::Result {
    writeln!(out, "---\ntitle: {} v{}\n---", definition.name(), definition.version())?;
    writeln!(out, "flowchart TD")?;
    for step in definition.steps() {
        node(step, out)?;
    }
    for step in definition.steps() {
        for earlier in &step.after {
            writeln!(out, "    {} --> {}", id(earlier), id(step.name))?;
        }
    }
    for step in definition.steps() {
        around(step, out)?;
    }
    writeln!(out, "    classDef compensatable fill:#e8f1fb,stroke:#2f6fab")?;
    writeln!(out, "    classDef pivot fill:#fff1d6,stroke:#b8860b,stroke-width:3px")?;
    writeln!(out, "    classDef retriable fill:#e9f6ec,stroke:#2e7d4f")
}

/// Mermaid reserves words such as `end`, so ids are prefixed.
fn id(name: &str) -> String {
    alloc::format!("s_{}", name.replace('-', "_"))
}

fn node(step: &Step, out: &mut String) -> core::fmt::Result {
    let how = match step.request {
        Request::Command { command, to, .. } => alloc::format!("{command} → {to}"),
        Request::WaitsOn { command } => alloc::format!("waits on {command}"),
    };
    let (open, close, class) = match step.kind {
        Kind::Compensatable => ("[", "]", "compensatable"),
        Kind::Pivot => ("{{", "}}", "pivot"),
        Kind::Retriable => ("(", ")", "retriable"),
    };
    let label = alloc::format!("<b>{}</b><br/>{how}<br/>{}", step.name, step.done_by);
    writeln!(out, "    {}{open}\"{label}\"{close}:::{class}", id(step.name))
}

/// What may happen to a step besides being done.
fn around(step: &Step, out: &mut String) -> core::fmt::Result {
    let here = id(step.name);
    if let Some(undo) = step.undo {
        writeln!(
            out,
            "    {here} -. \"{}\" .-> {here}_undone([{}])",
            undo.command, undo.undone_by
        )?;
    }
    if let Some((fact, reason)) = step.failed_by {
        writeln!(out, "    {here} -. \"{fact}\" .-> {here}_failed([cancelled: {reason}])")?;
    }
    if let Some(fact) = step.reopened_by {
        writeln!(out, "    {here} -. \"{fact}\" .-> {here}")?;
    }
    if let Some(hand_over) = step.hand_over {
        let (fact, to) = (hand_over.fact, hand_over.definition);
        writeln!(out, "    {here} == \"{fact}\" ==> over_{}[[saga: {to}]]", to.replace('-', "_"))?;
    }
    let Some(deadline) = step.deadline else { return Ok(()) };
    let action = match deadline.action {
        DeadlineAction::Cancel { reason } => alloc::format!("cancel: {reason}"),
        DeadlineAction::Escalate => "escalate".into(),
        DeadlineAction::WidenThenEscalate { command, .. } => {
            alloc::format!("{command}, then escalate")
        }
    };
    let seconds = deadline.after.0 / 1_000;
    writeln!(out, "    {here} -. \"after {seconds} s\" .-> {here}_late>\"{action}\"]")
}
