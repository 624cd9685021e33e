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
    let drawn = orchestrator::graph(name)
        .ok_or_else(|| Failure::Usage(format!("there is no definition {name}")))?;
    Ok(titled(&drawn))
}

/// Says in the title what the table alone cannot: settings may give other deadlines.
fn titled(drawn: &str) -> String {
    if drawn.contains("\"after ") {
        drawn.replacen("\n---\n", ", with the default deadlines\n---\n", 1)
    } else {
        drawn.to_owned()
    }
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

    #[test]
    fn the_title_says_whose_deadlines_are_drawn() {
        let title = |definition| drawing(definition).unwrap().lines().nth(1).unwrap().to_owned();
        assert_eq!(title(DefinitionName::Order), "title: order v1, with the default deadlines");
        assert_eq!(title(DefinitionName::Return), "title: return v1");
    }
}
