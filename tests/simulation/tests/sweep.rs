//! An order of each ending, with a crash at every point at which a process may end: the ending and
//! the audit are the same each time.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use simulation::{
    Scenario,
    scenario::{Cook, Owner, Rider, Wish},
    sweep::sweep,
    weather::Weather,
};

fn one(change: impl FnOnce(&mut Wish)) -> Scenario {
    let mut wish = Wish {
        number: 0,
        at: Duration::from_millis(500),
        quantity: 2,
        token: "tok-ok",
        later: None,
        owner: Owner::Accepts,
        cook: Cook::Cooks,
        rider: Rider::Delivers,
        cancel: None,
        change: None,
    };
    change(&mut wish);
    let weather = Weather { commit: 0, ..Weather::CALM };
    Scenario { seed: 0, orders: vec![wish], faults: Vec::new(), weather }
}

fn check(ending: &str, change: impl FnOnce(&mut Wish)) {
    let scenario = one(change);
    for stored in [false, true] {
        let weather = Weather { stored, ..scenario.weather.clone() };
        let found = sweep(&Scenario { weather, ..scenario.clone() });
        assert_eq!(found.undisturbed.wrong, Vec::<String>::new());
        assert_eq!(found.undisturbed.endings, [(ending.to_owned(), 1)].into());
        assert_eq!(found.differs, Vec::<String>::new());
        assert_eq!(found.crashes.len(), 8, "each kind of crash: {:?}", found.crashes);
        println!("{ending}: {:?}", found.crashes);
    }
}

#[test]
fn delivered() {
    check("delivered", |_| {});
}

#[test]
fn returned() {
    check("returned (delivery_returned)", |wish| wish.rider = Rider::Returns);
}

#[test]
fn declined_by_the_payment_gateway() {
    check("cancelled (payment_declined)", |wish| wish.token = "tok-declined");
}

#[test]
fn rejected_by_the_store() {
    check("cancelled (store_rejected)", |wish| wish.owner = Owner::Rejects);
}

#[test]
fn never_answered_by_the_store() {
    check("cancelled (store_timeout)", |wish| wish.owner = Owner::Silent);
}

#[test]
fn declined_by_the_kitchen() {
    check("cancelled (kitchen_declined)", |wish| wish.cook = Cook::Declines);
}

#[test]
fn cancelled_by_the_customer() {
    check("cancelled (customer_cancelled)", |wish| {
        wish.cook = Cook::Silent;
        wish.cancel = Some(Duration::from_millis(1_500));
    });
}
