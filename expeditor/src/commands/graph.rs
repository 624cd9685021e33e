//! `graph`: a definition as a drawing, printed from the very table that the engine reads.

use crate::{
    cli::{DefinitionName, GraphArgs, GraphFormat},
    config::File,
    exit::Failure,
    print,
};

/// Prints it.
pub fn run(options: &GraphArgs, file: &File) -> Result<(), Failure> {
    let definition = options.definition.or(file.graph.definition).unwrap_or_default();
    let GraphFormat::Mermaid = options.format.or(file.graph.format).unwrap_or_default();
    print::line(drawing(definition)?.trim_end());
    Ok(())
}

fn drawing(definition: DefinitionName) -> Result<String, Failure> {
    let name = match definition {
        DefinitionName::Order => orchestrator::sagas::order::NAME,
        DefinitionName::Return => orchestrator::sagas::return_order::NAME,
    };
    orchestrator::graph(name)
        .ok_or_else(|| Failure::Usage(format!("there is no definition {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_definitions_are_drawn_with_their_steps() {
        for (definition, step) in
            [(DefinitionName::Order, "cook-start"), (DefinitionName::Return, "restock")]
        {
            let drawn = drawing(definition).unwrap();
            assert!(drawn.contains("flowchart") && drawn.contains(step), "{drawn}");
        }
    }
}
