//! Whom a change rings, whom it does not, and what is kept of those who have left.

use super::*;
use crate::{Kind, Phase};

const ORDER: Kind = Kind { name: "order", phase: Phase::First, rank: 0 };
const DELIVERY: Kind = Kind { name: "delivery", phase: Phase::First, rank: 1 };
const STATES: &[&str] = &["offered"];

fn order(id: &str) -> Key {
    Key::new(ORDER, id)
}

fn one(id: &str) -> Subject {
    Subject::One(order(id))
}

fn owned(owner: &str) -> Subject {
    Subject::Of(Owned { by: Key::new(DELIVERY, owner), states: STATES })
}

/// Somebody who watches that, with what they were rung at last.
fn watching(watchers: &mut Watchers, subjects: &[Subject]) -> Arc<Bell> {
    let bell = Arc::default();
    for subject in subjects {
        watchers.add(subject, &bell);
    }
    bell
}

#[test]
fn a_change_rings_those_who_watch_it_and_nobody_else() {
    let mut watchers = Watchers::default();
    let first = watching(&mut watchers, &[one("o1")]);
    let both = watching(&mut watchers, &[one("o1"), one("o2")]);
    let mapo = watching(&mut watchers, &[owned("mapo")]);
    let bells = [&first, &both, &mapo];
    for (key, owner, rung) in [
        (order("o1"), None, [1, 1, 0]),
        (order("o2"), Some("mapo"), [1, 2, 0]),
        (Key::new(DELIVERY, "o1"), Some("mapo"), [1, 2, 3]),
        (Key::new(DELIVERY, "o1"), Some("yongsan"), [1, 2, 3]),
        (Key::new(DELIVERY, "mapo"), None, [1, 2, 3]),
        (order("o3"), None, [1, 2, 3]),
    ] {
        let moment = bells.iter().map(|bell| bell.moment()).max().unwrap() + 1;
        watchers.changed(&key, owner, 1, moment);
        assert_eq!(bells.map(|bell| bell.moment()), rung, "{key} {owner:?}");
    }
}

#[tokio::test]
async fn a_bell_that_was_rung_often_has_rung_once() {
    let mut watchers = Watchers::default();
    let bell = watching(&mut watchers, &[one("o1")]);
    for moment in 1..=3 {
        watchers.changed(&order("o1"), None, moment, moment);
    }
    bell.rung().await;
    let again = futures_util::FutureExt::now_or_never(bell.rung());
    assert!(again.is_none(), "nothing has queued");
}

#[test]
fn who_has_left_is_rung_no_more_and_nothing_is_kept_of_them() {
    let mut watchers = Watchers::default();
    let gone = watching(&mut watchers, &[one("o1"), owned("mapo")]);
    let stays = watching(&mut watchers, &[one("o1")]);
    for subject in [one("o1"), owned("mapo"), one("never-watched")] {
        watchers.remove(&subject, &gone);
    }
    watchers.changed(&order("o1"), None, 1, 1);
    assert_eq!((gone.moment(), stays.moment()), (0, 1));
    assert_eq!((watchers.one.len(), watchers.owned.len()), (1, 0));
    watchers.remove(&one("o1"), &stays);
    assert!(watchers.one.is_empty());
}

type Step<'a> = &'a dyn Fn(&mut Watchers);

/// Of what others have committed only that is told which somebody may not have read.
#[test]
fn what_is_found_rings_where_it_is_news_to_somebody() {
    let key = order("o1");
    let (saw3, saw5): (Step<'_>, Step<'_>) = (&|it| it.saw(&key, 3), &|it| it.saw(&key, 5));
    let found = |version| {
        let key = key.clone();
        move |it: &mut Watchers| it.found_one(&key, version, 9)
    };
    let (found3, found5) = (found(3), found(5));
    let committed5: Step<'_> = &|it| it.changed(&key, None, 5, 0);
    for (steps, last, rings) in [
        (vec![], &found5, true),
        (vec![saw5], &found5, false),
        (vec![saw3], &found5, true),
        // One has read 5 and the other, earlier, 3: whoever says so first.
        (vec![saw3, saw5], &found5, true),
        (vec![saw5, saw3], &found5, true),
        (vec![saw3, committed5], &found5, false),
        (vec![committed5, saw5], &found5, false),
    ] {
        let mut watchers = Watchers::default();
        let bell = watching(&mut watchers, &[one("o1")]);
        for step in &steps {
            step(&mut watchers);
        }
        last(&mut watchers);
        assert_eq!(bell.moment() == 9, rings, "{} steps", steps.len());
    }
    let mut watchers = Watchers::default();
    let bell = watching(&mut watchers, &[one("o1")]);
    found3(&mut watchers);
    watchers.found_one(&key, 3, 10);
    assert_eq!(bell.moment(), 9, "once");
    let bell = watching(&mut watchers, &[owned("mapo")]);
    let by = Key::new(DELIVERY, "mapo");
    for (digest, moment, rung) in [(7, 11, 11), (7, 12, 11), (0, 13, 13)] {
        watchers.found_owned(&by, digest, moment);
        assert_eq!(bell.moment(), rung);
    }
    assert_eq!(watchers.watched().owned, [Owned { by, states: STATES }]);
    assert_eq!(watchers.watched().one, [key]);
}

/// An offer comes here and is claimed elsewhere before anybody has looked: the list is what it was at
/// the last look, and not what was read meanwhile.
#[test]
fn a_list_that_was_read_as_new_rings_at_the_two_looks_that_follow() {
    let mut watchers = Watchers::default();
    let (bell, by) = (watching(&mut watchers, &[owned("mapo")]), Key::new(DELIVERY, "mapo"));
    watchers.found_owned(&by, 0, 1);
    watchers.found_owned(&by, 0, 2);
    assert_eq!(bell.moment(), 1, "it is settled");
    watchers.read_news(&by);
    for (moment, rung) in [(3, 3), (4, 4), (5, 4)] {
        watchers.found_owned(&by, 0, moment);
        assert_eq!(bell.moment(), rung);
    }
}
