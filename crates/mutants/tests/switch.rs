//! Which mutants are on, in processes of their own: it is settled once in each.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{env, process::Command};

use mutants::{Layer, VARIABLE, all, is_on, mutant, position};

/// Whether this build can have any.
const SEEDED: bool = cfg!(all(feature = "seeded", debug_assertions));

/// Tells those that are on in this process.
#[test]
fn tell() {
    let on = all().filter(|it| is_on(position(it.name))).map(|it| it.name);
    println!("on: {}", on.collect::<Vec<_>>().join(" "));
}

/// What [`tell`] says where the variable has that value; none where it does not come to that.
fn told(value: &str) -> Option<String> {
    let mut command = Command::new(env::current_exe().unwrap());
    let output = command.args(["--exact", "tell", "--nocapture"]).env(VARIABLE, value).output();
    let output = output.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| Some(line.split_once("on: ")?.1.to_owned()));
    line.filter(|_| output.status.success())
}

#[test]
fn the_one_that_is_named_is_on_and_no_other_and_none_in_what_is_shipped() {
    assert_eq!(told("").as_deref(), Some(""));
    for mutant in all() {
        let expected = if SEEDED { mutant.name } else { "" };
        assert_eq!(told(mutant.name).as_deref(), Some(expected));
    }
}

#[test]
fn a_name_that_is_not_known_lets_no_process_run() {
    assert_eq!(told("no-such-mutant").is_none(), SEEDED);
}

#[test]
fn the_macro_asks_for_the_place_of_its_name() {
    let chosen = env::var(VARIABLE).unwrap_or_default();
    let name = "relay-deletes-before-confirm";
    assert_eq!(mutant!("relay-deletes-before-confirm"), SEEDED && chosen == name);
    assert_eq!(all().nth(position(name)).unwrap().name, name);
}

#[test]
fn layers_are_named_and_in_order() {
    assert!(Layer::ALL.is_sorted());
    let names: std::collections::BTreeSet<_> = Layer::ALL.map(Layer::name).into();
    assert_eq!(names.len(), Layer::ALL.len());
}
