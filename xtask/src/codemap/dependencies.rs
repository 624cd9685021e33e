//! Who may depend on whom. The table is the rule; ARCHITECTURE.md tells it in words.

use super::{Member, Violation};

/// What a crate may use of ours.
struct Rule {
    name: &'static str,
    may: May,
    why: &'static str,
}

enum May {
    Only(&'static [&'static str]),
    /// Everything but what exists for tests and chores.
    AllThatIsShipped,
    Everything,
}

/// Crates that nothing shipped may contain.
const UNSHIPPED: [&str; 7] =
    ["servers", "testkit", "scenarios", "model", "simulation", "chaos", "xtask"];

/// What every crate may use: it is nothing in what is shipped.
const EVERYBODY_MAY: &str = "mutants";

/// What tests of every crate may use besides. Not another service: that is what `tests/` is for.
const TESTS_MAY: [&str; 4] = ["testkit", "servers", "contracts", "runtime"];

const SERVICE: May = May::Only(&["contracts", "runtime"]);
const SERVICE_WHY: &str =
    "a participant knows the published language and the path, never another service or the engine";

const RULES: [Rule; 20] = [
    Rule { name: "mutants", may: May::Only(&[]), why: "the engine stands on it, without `std`" },
    Rule { name: "saga", may: May::Only(&[]), why: "the engine is pure and knows no payloads" },
    Rule {
        name: "contracts",
        may: May::Only(&[]),
        why: "the published language must stand on its own",
    },
    Rule {
        name: "runtime",
        may: May::Only(&["contracts"]),
        why: "the path knows messages but no domain",
    },
    Rule { name: "payment", may: SERVICE, why: SERVICE_WHY },
    Rule { name: "store", may: SERVICE, why: SERVICE_WHY },
    Rule { name: "cook", may: SERVICE, why: SERVICE_WHY },
    Rule { name: "rider", may: SERVICE, why: SERVICE_WHY },
    Rule {
        name: "mypage",
        may: SERVICE,
        why: "a subscriber knows public events and the path, never another service",
    },
    Rule {
        name: "notification",
        may: SERVICE,
        why: "a subscriber knows public events and the path, never another service",
    },
    Rule {
        name: "relay",
        may: May::Only(&["runtime"]),
        why: "the relay moves bytes from outbox to broker and parses none of them",
    },
    Rule {
        name: "orchestrator",
        may: May::Only(&["saga", "contracts", "runtime"]),
        why: "the orchestrator speaks to participants in messages only",
    },
    Rule {
        name: "expeditor",
        may: May::AllThatIsShipped,
        why: "the binary composes what is shipped, and nothing made for tests",
    },
    Rule {
        name: "servers",
        may: May::Only(&[]),
        why: "it starts servers for tests of everything, and `xtask` stands on it",
    },
    Rule { name: "testkit", may: May::Everything, why: "" },
    Rule { name: "scenarios", may: May::Everything, why: "" },
    Rule { name: "chaos", may: May::Everything, why: "" },
    Rule { name: "simulation", may: May::AllThatIsShipped, why: "it runs what is shipped" },
    Rule {
        name: "model",
        may: May::Only(&[
            "saga",
            "contracts",
            "runtime",
            "orchestrator",
            "payment",
            "store",
            "cook",
            "rider",
            "mypage",
            "notification",
        ]),
        why: "the model explores what is decided, and needs no process to run",
    },
    Rule {
        name: "xtask",
        may: May::Only(&["servers"]),
        why: "chores must build without the services",
    },
];

/// The crate that must build without `std`: default features would bring it in.
const NO_STD: &str = "saga";

/// Checks every member against the table. `line_of` finds the line of a dependency's name in the
/// member's manifest.
pub(super) fn check(
    members: &[Member],
    line_of: impl Fn(&Member, &str) -> usize,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in members {
        let manifest = format!("{}/Cargo.toml", member.folder);
        let mut breach = |name: &str, what: String| {
            violations.push(Violation::new(&manifest, line_of(member, name), what));
        };
        let Some(rule) = RULES.iter().find(|rule| rule.name == member.name) else {
            let what = "the table in xtask/src/codemap/dependencies.rs has no row for this crate: \
                        say there what it may depend on";
            breach("name", what.to_owned());
            continue;
        };
        for dependency in member.dependencies.iter().filter(|dependency| dependency.ours) {
            let name = &dependency.name;
            let allowed = name == EVERYBODY_MAY
                || allows(&rule.may, name)
                || (dependency.dev && TESTS_MAY.contains(&name.as_str()));
            if !allowed {
                breach(name, format!("`{}` must not depend on `{name}`: {}", rule.name, rule.why));
            }
        }
        for dependency in &member.dependencies {
            let name = &dependency.name;
            let foreign = !dependency.dev && !dependency.ours;
            if member.name == NO_STD && foreign && dependency.default_features {
                let what = format!(
                    "`{NO_STD}` is `no_std`: give `{name}` default-features = false, so that \
                     neither `std` nor a clock comes in"
                );
                breach(name, what);
            }
        }
    }
    violations
}

fn allows(may: &May, name: &str) -> bool {
    match may {
        May::Only(names) => names.contains(&name),
        May::AllThatIsShipped => !UNSHIPPED.contains(&name),
        May::Everything => true,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Dependency, *};

    fn uses(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), dev: false, ours: true, default_features: true }
    }

    fn tests_use(name: &str) -> Dependency {
        Dependency { dev: true, ..uses(name) }
    }

    fn foreign(name: &str, default_features: bool) -> Dependency {
        Dependency { ours: false, default_features, ..uses(name) }
    }

    fn check_member(name: &str, dependencies: Vec<Dependency>) -> Vec<String> {
        let member = Member {
            name: name.to_owned(),
            folder: format!("participants/{name}"),
            description: String::new(),
            without_examples: false,
            dependencies,
        };
        check(&[member], |_, _| 9).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_table_allows_passes() {
        let cases = [
            ("saga", vec![foreign("serde", false)]),
            ("runtime", vec![uses("contracts"), foreign("sqlx", true)]),
            ("cook", vec![uses("contracts"), uses("runtime"), tests_use("testkit")]),
            ("relay", vec![uses("runtime"), tests_use("contracts")]),
            ("orchestrator", vec![uses("saga"), uses("contracts"), uses("runtime")]),
            ("expeditor", vec![uses("orchestrator"), uses("cook"), tests_use("testkit")]),
            ("testkit", vec![uses("expeditor")]),
            ("xtask", vec![uses("servers")]),
            ("runtime", vec![uses("contracts"), tests_use("servers")]),
        ];
        for (name, dependencies) in cases {
            assert_eq!(check_member(name, dependencies), [""; 0], "{name}");
        }
    }

    #[test]
    fn what_the_table_does_not_allow_is_named() {
        let cases = [
            ("saga", uses("contracts")),
            ("contracts", uses("saga")),
            ("runtime", uses("saga")),
            ("cook", uses("rider")),
            ("cook", tests_use("rider")),
            ("store", uses("saga")),
            ("payment", uses("orchestrator")),
            ("relay", uses("contracts")),
            ("orchestrator", uses("cook")),
            ("expeditor", uses("testkit")),
            ("cook", uses("testkit")),
            ("xtask", uses("runtime")),
            ("servers", uses("runtime")),
            ("expeditor", uses("servers")),
        ];
        for (name, dependency) in cases {
            let expected = format!(
                "participants/{name}/Cargo.toml:9: `{name}` must not depend on `{}`: ",
                dependency.name
            );
            let found = check_member(name, vec![dependency]);
            assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}");
        }
    }

    #[test]
    fn a_crate_without_a_row_is_told_to_get_one() {
        let found = check_member("courier", vec![]);
        assert!(found.len() == 1 && found[0].contains("has no row"), "{found:?}");
    }

    #[test]
    fn the_engine_takes_nothing_with_default_features() {
        let found = check_member("saga", vec![foreign("chrono", true)]);
        assert!(found.len() == 1 && found[0].contains("default-features = false"), "{found:?}");
    }
}
